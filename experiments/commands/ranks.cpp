#include "experiments/commands/ranks.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/process/child_process.hpp"
#include "common/base/process/launcher.hpp"
#include "common/base/text.hpp"
#include "experiments/commands/program.hpp"

// The launcher is a child in a process group of its own, so that Ctrl-C comes to this process alone
// and the ranks hear of it as they hear of Slurm's signal: the launcher itself would end them.

namespace fedstrata {
namespace {

constexpr char const* kOption = "--ranks";
constexpr int kPatience = 1000;  // milliseconds that the launcher has to end the ranks

std::vector<std::string> without_ranks(std::vector<std::string> words) {
  for (auto at = words.begin(); at != words.end();) {
    if (*at == kOption && at + 1 != words.end()) {
      at = words.erase(at, at + 2);
    } else {
      at = at->starts_with(std::string(kOption) + "=") ? words.erase(at) : at + 1;
    }
  }
  return words;
}

/// Passes on what ranks say on stderr, and keeps the rest, which the launcher or a library says.
class Stderr {
 public:
  void add(std::string_view text) {
    line_ += text;
    for (std::size_t end; (end = line_.find('\n')) != std::string::npos; line_.erase(0, end + 1))
      take(line_.substr(0, end + 1));
  }

  /// No more comes.
  void end() {
    if (!line_.empty()) take(line_ + "\n");
    line_.clear();
  }

  bool failed() const { return failed_; }  ///< has a rank said what is wrong?
  std::string const& kept() const { return kept_; }

 private:
  void take(std::string const& line) {
    bool const ours = line.starts_with("fedstrata");
    // A sentence may have several lines.
    bool const others =
        line.starts_with("---") || line.starts_with("[") || line.starts_with("mpi") || line == "\n";
    passing_ = ours || (passing_ && !others);
    if (ours && line.find("warning: ") == std::string::npos &&
        line.find("stopping") == std::string::npos)
      failed_ = true;
    if (passing_) {
      [[maybe_unused]] auto const written = ::write(STDERR_FILENO, line.data(), line.size());
    } else if (kept_.size() < 65536) {
      kept_ += line;
    }
  }

  std::string line_;
  std::string kept_;
  bool passing_ = false;
  bool failed_ = false;
};

/// The first sentence of a message of the launcher.
std::string gist(std::string const& text) {
  std::vector<std::string> lines;
  for (auto const& line : split(text, '\n')) {
    bool const empty = line.find_first_not_of(" -") == std::string::npos;
    if (empty && !lines.empty()) break;
    if (!empty) lines.push_back(trim(line));
  }
  return lines.empty() ? "it does not say why" : join(lines, " ");
}

sigset_t waited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int const signal : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

[[noreturn]] void become(std::vector<std::string> const& arguments, int errors) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGUSR1);  // the ranks stop in order when this process is killed
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(errors, STDERR_FILENO);
  auto const signals = waited_signals();
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  std::vector<char*> words;
  for (auto const& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  std::string const why = std::string("cannot be started: ") + std::strerror(errno) + "\n";
  [[maybe_unused]] auto const written = ::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(127);
}

class Job {
 public:
  explicit Job(std::vector<std::string> const& arguments) {
    auto const signals = waited_signals();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
    std::array<int, 2> ends{};
    bool const ready = signals_ >= 0 && ::pipe2(ends.data(), O_CLOEXEC) == 0;
    require(ready, std::string("no pipe: ") + std::strerror(errno));
    launcher_ = ::fork();
    require(launcher_ >= 0, std::string("no further process: ") + std::strerror(errno));
    if (launcher_ == 0) become(arguments, ends[1]);
    ::close(ends[1]);
    errors_ = ends[0];
  }

  /// The launcher's status, once it has ended.
  int wait() {
    while (true) {
      std::array<pollfd, 2> ready{{{signals_, POLLIN, 0}, {errors_, POLLIN, 0}}};
      int const count = ::poll(ready.data(), ready.size(), stops_ > 1 ? kPatience : -1);
      if (count == 0) ::kill(launcher_, SIGKILL);  // its ranks follow it
      if (ready[1].revents != 0) read_errors();
      if (ready[0].revents == 0) continue;
      signalfd_siginfo info{};
      if (::read(signals_, &info, sizeof info) != sizeof info) continue;
      if (info.ssi_signo != SIGCHLD) {
        stop(static_cast<int>(info.ssi_signo));
        continue;
      }
      int status = 0;
      if (::waitpid(launcher_, &status, WNOHANG) != launcher_) continue;
      ::fcntl(errors_, F_SETFL, O_NONBLOCK);  // a rank that is left may hold the other end
      while (errors_ >= 0) read_errors();
      said.end();
      return status;
    }
  }

  Stderr said;
  int stops() const { return stops_; }
  int last_signal() const { return last_; }

 private:
  void read_errors() {
    std::array<char, 4096> buffer;
    auto const got = ::read(errors_, buffer.data(), buffer.size());
    if (got > 0) {
      said.add({buffer.data(), static_cast<std::size_t>(got)});
    } else if (got == 0 || errno != EINTR) {
      ::close(errors_);
      errors_ = -1;
    }
  }

  void stop(int signal) {
    last_ = signal;
    if (::isatty(STDERR_FILENO) != 0) ::dprintf(STDERR_FILENO, "\n");  // after "^C"
    ++stops_;
    ::kill(launcher_, stops_ == 1 ? SIGUSR1 : SIGTERM);
    if (stops_ == 2) log::error("ended at once; what is stored stays valid, go on with --resume");
  }

  pid_t launcher_ = -1;
  int signals_ = -1;
  int errors_ = -1;
  int stops_ = 0;
  int last_ = 0;
};

}  // namespace

std::optional<int> ranks_to_start(std::vector<std::string> const& words) {
  auto const given = [](std::string const& word) {
    return word == kOption || word.starts_with(std::string(kOption) + "=");
  };
  if (std::ranges::none_of(words, given)) return std::nullopt;
  auto const ranks = asked_ranks(words);
  if (!ranks) return std::nullopt;  // --help
  if (auto const variable = launcher::variable_of_rank(); !variable.empty()) {
    if (!launcher::first_to_report()) {
      std::this_thread::sleep_for(std::chrono::seconds(1));  // or the launcher ends the first, too
      ::_exit(2);
    }
    throw InputError("--ranks " + std::to_string(*ranks) +
                     " starts a launcher, but one has started this process (" + variable +
                     " is set); leave out --ranks under mpirun and srun, or unset the variable");
  }
  int const most = std::max(64, 16 * static_cast<int>(std::thread::hardware_concurrency()));
  require_input(*ranks <= most,
                "--ranks " + std::to_string(*ranks) + " is too many for this machine of " +
                    std::to_string(std::thread::hardware_concurrency()) + " cores; at most " +
                    std::to_string(most) + ", or use mpirun or srun on several nodes");
  if (*ranks == 1) return std::nullopt;
  return ranks;
}

int run_on_ranks(std::vector<std::string> const& words, int ranks) {
  auto arguments = launcher::words(ranks);
  ::setenv(launcher::kStartedByUs, "1", 1);
  arguments.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  for (auto const& word : without_ranks(words)) arguments.push_back(word);
  Job job(arguments);
  int const status = job.wait();
  int const code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  auto const& said = job.said;
  if (code == 0) {  // nothing to explain: what libraries said is passed on
    [[maybe_unused]] auto const written =
        ::write(STDERR_FILENO, said.kept().data(), said.kept().size());
    return 0;
  }
  if (job.stops() > 1) return 128 + job.last_signal();
  if (job.stops() == 1 && code == 128 + SIGUSR1) return 3;  // before a rank had begun
  if (code == 3 || (said.failed() && code <= 3)) return code;
  if (said.failed()) return 1;
  if (code > 128) {
    log::error("a rank was ended by a signal (" + std::string(::strsignal(code - 128)) +
               "); what is stored stays valid, and the run can be resumed");
  } else {
    log::error(arguments[0] + " ended with code " + std::to_string(code) + ": " +
               gist(said.kept()));
  }
  return code == 2 ? 2 : 1;
}

}  // namespace fedstrata
