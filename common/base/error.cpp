#include "common/base/error.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <sstream>
#include <string_view>

namespace fedstrata {
namespace {

/// The first line with something in it, or the last one.
std::string line_of(std::string const& text, bool last) {
  std::istringstream lines(text);
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (last || found.empty()) found = line;
  }
  return found;
}

}  // namespace

std::string reason_of(std::exception const& error) {
  if (dynamic_cast<std::bad_alloc const*>(&error) != nullptr) return "there is not enough memory";
  std::string text = error.what();
  // LibTorch: "MESSAGE\nException raised from FUNCTION ...", and then a stack of calls.
  text = text.substr(0, text.find("Exception raised from "));
  // TorchScript: where it was, and then "RuntimeError: MESSAGE".
  bool const script = text.starts_with("The following operation failed in the TorchScript");
  for (std::string_view const kind : {"\nRuntimeError: ", "\ntorch.jit.Error: "}) {
    auto const at = text.rfind(kind);
    if (script && at != std::string::npos) return line_of(text.substr(at + kind.size()), false);
  }
  auto const line = line_of(text, script);
  auto const place = line.find("] . ");  // "[enforce fail at FILE:LINE] . MESSAGE"
  return line.starts_with('[') && place != std::string::npos ? line.substr(place + 4) : line;
}

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
