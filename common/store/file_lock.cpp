#include "common/store/file_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/base/environment.hpp"
#include "common/base/error.hpp"
#include "common/base/files.hpp"

// Who simulates a run has to be known to others, on other nodes too, and must be forgotten after a
// crash: a lock of the operating system, which a crash releases, beside a file that says who holds
// it. Where a file system has no locks (some networked ones), a file that only one can create
// stands in, and counts as forgotten when it gets old.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::minutes(10);
constexpr std::time_t kStandInAge = 120;  // seconds
constexpr std::time_t kHeartbeatAge = 300;

class Descriptor {
 public:
  Descriptor(fs::path const& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

enum class Attempt { held, busy, impossible };

// A lock of the open file, not of the process: closing another descriptor does not release it.
Attempt try_lock(int fd) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &range) == 0) return Attempt::held;
  return errno == EAGAIN || errno == EACCES || errno == EINTR ? Attempt::busy : Attempt::impossible;
}

bool is_locked(int fd) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

std::time_t age(fs::path const& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? std::time(nullptr) - status.st_mtime : 0;
}

// The stand-in where the file system has no locks.
Attempt try_stand_in(fs::path const& path) {
  Descriptor const file(path, O_RDWR | O_CREAT | O_EXCL);
  if (file.get() >= 0) return Attempt::held;
  if (errno != EEXIST) return Attempt::impossible;
  if (age(path) > kStandInAge) ::unlink(path.c_str());
  return Attempt::busy;
}

std::string to_text(Holder const& holder) {
  return "host=" + holder.host + "\npid=" + std::to_string(holder.pid) + "\njob=" + holder.job +
         "\nrestarts=" + std::to_string(holder.restarts) +
         "\ngeneration=" + std::to_string(holder.generation) + "\n";
}

std::int64_t restarts_of_this_job() {
  return std::atoll(environment("SLURM_RESTART_COUNT").c_str());
}

// Slurm starts a job again when it has ended all processes of its last start, or lost their node.
bool is_earlier_start_of_this_job(Holder const& holder) {
  return !holder.job.empty() && holder.job == environment("SLURM_JOB_ID") &&
         holder.restarts < restarts_of_this_job();
}

}  // namespace

struct FileLock::State {
  State(fs::path const& path, int flags) : file(path, flags) {}
  Descriptor file;
  fs::path stand_in;
  ~State() {
    if (!stand_in.empty()) ::unlink(stand_in.c_str());
  }
};

FileLock FileLock::wait(fs::path const& path) {
  auto state = std::make_unique<State>(path, O_RDWR | O_CREAT);
  if (state->file.get() < 0) throw_system_error("open lock", path);
  auto const stand_in = fs::path(path.string() + ".held");
  auto nap = std::chrono::microseconds(200);
  for (auto const start = Clock::now(); Clock::now() - start < kPatience;) {
    auto attempt = try_lock(state->file.get());
    if (attempt == Attempt::impossible) {
      attempt = try_stand_in(stand_in);
      if (attempt == Attempt::held) state->stand_in = stand_in;
    }
    if (attempt == Attempt::held) return FileLock(std::move(state));
    if (attempt == Attempt::impossible) throw_system_error("lock", path);
    std::this_thread::sleep_for(nap);
    nap = std::min(2 * nap, std::chrono::microseconds(20'000));
  }
  throw Error("lock " + quoted(path) +
              " has been held for ten minutes; is a process that uses this run stopped?");
}

FileLock::FileLock(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileLock::FileLock(FileLock&&) noexcept = default;
FileLock& FileLock::operator=(FileLock&&) noexcept = default;
FileLock::~FileLock() = default;

std::string Holder::str() const {
  return "process " + std::to_string(pid) + " on " + host +
         (job.empty() ? "" : " (job " + job + ")");
}

Holder read_holder(fs::path const& file) {
  Holder holder;
  std::ifstream stream(file.string() + ".holder");
  for (std::string line; std::getline(stream, line);) {
    auto const at = line.find('=');
    if (at == std::string::npos) continue;
    auto const key = line.substr(0, at), value = line.substr(at + 1);
    if (key == "host") holder.host = value;
    if (key == "job") holder.job = value;
    if (key == "pid") holder.pid = std::atoll(value.c_str());
    if (key == "restarts") holder.restarts = std::atoll(value.c_str());
    if (key == "generation") holder.generation = std::atoll(value.c_str());
  }
  return holder;
}

bool is_alive(fs::path const& file) {
  auto const holder = read_holder(file);
  if (holder.pid == 0 || is_earlier_start_of_this_job(holder)) return false;
  auto const lock = fs::path(file.string() + ".lock");
  Descriptor const descriptor(lock, O_RDWR);
  if (descriptor.get() >= 0 && is_locked(descriptor.get())) return true;
  if (holder.host != host_name()) return age(lock) < kHeartbeatAge;
  // On one node the lock says it all, unless the file system has none.
  if (descriptor.get() >= 0 && try_lock(descriptor.get()) == Attempt::held) return false;
  return ::kill(static_cast<pid_t>(holder.pid), 0) == 0 || errno == EPERM;
}

bool is_locked(fs::path const& file) {
  Descriptor const descriptor(file, O_RDWR);
  return descriptor.get() >= 0 && is_locked(descriptor.get());
}

struct SimulationLock::State {
  State(fs::path file, Holder who)
      : path(std::move(file)),
        lock(path.string() + ".lock", O_RDWR | O_CREAT),
        holder(std::move(who)) {}
  fs::path path;
  Descriptor lock;
  Holder holder;
  Clock::time_point last_beat = Clock::now();
};

SimulationLock SimulationLock::take(fs::path const& file) {
  auto const last = read_holder(file);
  require_input(!is_alive(file), quoted(file.parent_path().parent_path()) +
                                     " is in use by a simulation: " + last.str() +
                                     "; wait for it or choose another --out");
  Holder const holder{host_name(), ::getpid(), environment("SLURM_JOB_ID"), restarts_of_this_job(),
                      last.generation + 1};
  auto state = std::make_unique<State>(file, holder);
  if (state->lock.get() < 0) throw_system_error("open lock", file.string() + ".lock");
  static_cast<void>(try_lock(state->lock.get()));  // without locks the heartbeat has to do
  write_text(file.string() + ".holder", to_text(holder), file.parent_path());
  SimulationLock result(std::move(state));
  ::futimens(result.state_->lock.get(), nullptr);
  return result;
}

SimulationLock::SimulationLock(std::unique_ptr<State> state) : state_(std::move(state)) {}
SimulationLock::SimulationLock(SimulationLock&&) noexcept = default;
SimulationLock& SimulationLock::operator=(SimulationLock&&) noexcept = default;

SimulationLock::~SimulationLock() {
  if (!state_ || read_holder(state_->path).generation != state_->holder.generation) return;
  state_->holder.pid = 0;
  try {
    write_text(state_->path.string() + ".holder", to_text(state_->holder),
               state_->path.parent_path());
  } catch (std::exception const&) {
    // The record then names a process that is gone, which counts as ended too.
  }
}

std::int64_t SimulationLock::generation() const { return state_->holder.generation; }

void SimulationLock::heartbeat() {
  if (Clock::now() - state_->last_beat < std::chrono::seconds(10)) return;
  state_->last_beat = Clock::now();
  ::futimens(state_->lock.get(), nullptr);
}

}  // namespace fedstrata
