#pragma once
#include <cstdlib>
#include <string>

namespace fedstrata {

/// An environment variable; empty when it is not set.
inline std::string environment(char const* name) {
  auto const* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace fedstrata
