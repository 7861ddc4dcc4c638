#include "common/log.hpp"

#include <unistd.h>

#include <exception>

#include "common/error.hpp"

namespace fedstrata::log {
namespace {

std::string& prefix() {
  static std::string text;
  return text;
}

void line(std::string const& kind, std::string const& message) {
  std::string const text =
      "fedstrata" + (prefix().empty() ? "" : " (" + prefix() + ")") + ": " + kind + message + "\n";
  // One write, so that lines of several ranks do not mix.
  [[maybe_unused]] auto const written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void set_prefix(std::string const& text) { prefix() = text; }
void error(std::string const& message) { line("", message); }
void warning(std::string const& message) { line("warning: ", message); }

int report_errors(std::function<int()> const& work, std::function<bool()> const& speaks,
                  std::function<void(int)> const& failed) {
  int code = 1;
  std::string message;
  try {
    return work();
  } catch (InputError const& e) {
    code = 2;
    message = e.what();
  } catch (std::exception const& e) {
    message = e.what();
  }
  if (speaks()) error(message);
  failed(code);
  return code;
}

}  // namespace fedstrata::log
