#include "common/base/process/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

// A crash ends it at once, without a core file and without what others do at a crash.
[[noreturn]] void be_child(std::function<void()> const& work, unsigned seconds, int report) {
  for (int const signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM})
    ::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::alarm(seconds);
  try {
    work();
  } catch (std::exception const& error) {
    std::string_view const text = error.what();
    [[maybe_unused]] auto const written = ::write(report, text.data(), text.size());
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    auto const got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void in_child(std::function<void()> const& work, unsigned seconds) {
  std::array<int, 2> ends{};
  bool const piped = ::pipe2(ends.data(), O_CLOEXEC) == 0;
  require(piped, std::string("cannot make a pipe: ") + std::strerror(errno));
  std::fflush(nullptr);
  auto const child = ::fork();
  if (child == 0) be_child(work, seconds, ends[1]);
  int const error = errno;
  ::close(ends[1]);
  auto const message = child > 0 ? read_all(ends[0]) : "";
  ::close(ends[0]);
  require(child > 0, std::string("cannot start a process: ") + std::strerror(error));
  int const status = wait_for(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (!message.empty()) throw Error(message);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    throw Error("it takes more than " + std::to_string(seconds) + " s");
  throw Error(std::string("it ends in a crash of the library: ") +
              (WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "exit"));
}

}  // namespace fedstrata
