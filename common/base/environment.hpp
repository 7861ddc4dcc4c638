#pragma once
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace fedstrata {

/// An environment variable; empty when it is not set.
inline std::string environment(char const* name) {
  auto const* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The name of this machine.
inline std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace fedstrata
