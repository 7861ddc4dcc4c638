#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace fedstrata {

/// Holds a file locked against every other process, on this and other nodes. Where the file system
/// has no locks, a file made exclusively ("NAME.held") stands in; one older than two minutes
/// counts as left behind.
class FileLock {
 public:
  /// Waits for the lock. Throws Error when it is not to be had within ten minutes.
  static FileLock wait(std::filesystem::path const& path);
  FileLock(FileLock&&) noexcept;
  FileLock& operator=(FileLock&&) noexcept;
  ~FileLock();

 private:
  struct State;
  explicit FileLock(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Who simulates in a run directory.
struct Holder {
  std::string host;
  std::int64_t pid = 0;       ///< 0: ended in order
  std::string job;            ///< Slurm job, empty outside
  std::int64_t restarts = 0;  ///< of the job until this start
  std::int64_t generation = 0;
  std::string str() const;  ///< "process 12 on node3 (job 77)"
};

/// The right to simulate in a run directory: one process at a time, each with a higher generation
/// number than the last. Alive is a holder whose lock is held, whose process exists (same node) or
/// whose heartbeat is younger than five minutes (other nodes), but not an earlier start of this
/// process's own Slurm job.
class SimulationLock {
 public:
  /// Takes the right, with the generation after the last one. Call under the index lock. Throws
  /// InputError when a living process has it.
  static SimulationLock take(std::filesystem::path const& file);
  SimulationLock(SimulationLock&&) noexcept;
  SimulationLock& operator=(SimulationLock&&) noexcept;
  ~SimulationLock();  ///< gives it back; the generation stays on record
  std::int64_t generation() const;
  /// Shows other nodes that the holder lives; cheap, at most one write in ten seconds.
  void heartbeat();

 private:
  struct State;
  explicit SimulationLock(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The last holder on record; generation 0 when there was none.
Holder read_holder(std::filesystem::path const& file);
bool is_alive(std::filesystem::path const& file);

/// Does another process hold a lock of the operating system on this file?
bool is_locked(std::filesystem::path const& file);

}  // namespace fedstrata
