#include "experiments/sweep/processes.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/process/child_process.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

/// In the child: what it reads and writes, and the program in its place.
[[noreturn]] void become(std::vector<std::string> const& arguments, int output) {
  int const nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> words;
  for (auto const& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  std::string message = "fedstrata: ";
  message.append(arguments[0]).append(" cannot be started: ").append(std::strerror(errno)) += '\n';
  [[maybe_unused]] auto const written = write(STDERR_FILENO, message.data(), message.size());
  _exit(127);
}

pid_t fork_or_throw() {
  pid_t const child = fork();
  require(child >= 0, std::string("no further process can be started: ") + std::strerror(errno));
  return child;
}

}  // namespace

std::optional<pid_t> start_process(std::vector<std::string> const& arguments,
                                   std::filesystem::path const& output) {
  int const file = open(output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  require(file >= 0, quoted(output) + " cannot be written: " + std::strerror(errno));
  // The lock is that of the open file, which the child inherits. A file system without locks
  // answers with another error: there it is left to the run itself to refuse a second start.
  if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(file);
    return std::nullopt;
  }
  bool const emptied = ftruncate(file, 0) == 0;
  require(emptied, quoted(output) + " cannot be written: " + std::strerror(errno));
  pid_t const child = fork_or_throw();
  if (child == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    become(arguments, file);
  }
  close(file);
  return child;
}

ProcessResult run_process(std::vector<std::string> const& arguments) {
  std::array<int, 2> ends{};
  bool const piped = pipe2(ends.data(), O_CLOEXEC) == 0;
  require(piped, std::string("no pipe: ") + std::strerror(errno));
  pid_t const child = fork_or_throw();
  if (child == 0) become(arguments, ends[1]);
  close(ends[1]);
  ProcessResult result;
  result.text = read_all(ends[0]);
  close(ends[0]);
  result.code = exit_code(wait_for(child));
  return result;
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool has_program(std::string const& name) {
  auto const* path = std::getenv("PATH");
  for (auto const& directory : split(path == nullptr ? "" : path, ':')) {
    if (access((directory + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace fedstrata
