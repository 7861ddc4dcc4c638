#include "common/base/error.hpp"

#include <cerrno>
#include <cstring>

namespace fedstrata {

std::string quoted(std::filesystem::path const& path) {
  std::string text = "'";
  text += path.string();
  return text += '\'';
}

void throw_system_error(std::string const& what, std::filesystem::path const& path) {
  throw Error("cannot " + what + " " + quoted(path) + ": " +
              (errno != 0 ? std::strerror(errno) : "the file ends too early"));
}

}  // namespace fedstrata
