#include "common/base/log.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

#include "common/base/error.hpp"

namespace fedstrata::log {
namespace {

std::string& prefix() {
  static std::string text;
  return text;
}

void line(std::string const& text) {
  // One write, so that lines of several ranks do not mix.
  [[maybe_unused]] auto const written = write(STDERR_FILENO, text.data(), text.size());
}

// A copy of the prefix that a signal handler may read.
char crash_prefix[256];
bool core_files = false;

void say(char const* text) {
  [[maybe_unused]] auto const written = write(STDERR_FILENO, text, std::strlen(text));
}

void crashed(int signal) {
  say("fedstrata");
  say(crash_prefix);
  say(": crashed with ");
  say(signal == SIGSEGV  ? "SIGSEGV"
      : signal == SIGBUS ? "SIGBUS"
      : signal == SIGFPE ? "SIGFPE"
      : signal == SIGILL ? "SIGILL"
                         : "SIGABRT");
  say("; what is stored stays valid, and the run can be resumed\n");
  if (!core_files) _exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void set_prefix(std::string const& text) {
  prefix() = text;
  auto const shown = text.empty() ? text : " (" + text + ")";
  std::snprintf(crash_prefix, sizeof crash_prefix, "%s", shown.c_str());
}

void watch_crashes() {
  rlimit limit{};
  core_files = getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur > 0;
  struct sigaction action {};
  action.sa_handler = crashed;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int const signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    sigaction(signal, &action, nullptr);
  }
}

void error(std::string const& message) {
  line("fedstrata" + (prefix().empty() ? "" : " (" + prefix() + ")") + ": " + message + "\n");
}

void warning(std::string const& message) { line("fedstrata: warning: " + message + "\n"); }

int report_errors(std::function<int()> const& work, std::function<bool()> const& reports,
                  std::function<void(int)> const& failed) {
  int code = 1;
  std::string message;
  try {
    return work();
  } catch (InputError const& e) {
    code = 2;
    message = e.what();
    set_prefix("");  // what was given is at fault, not a rank
  } catch (Error const& e) {
    message = e.what();
  } catch (std::exception const& e) {
    message = "something failed outside fedstrata (" + reason_of(e) + ")";
  }
  if (reports()) error(message);
  failed(code);
  return code;
}

}  // namespace fedstrata::log
