#pragma once
#include <functional>
#include <list>
#include <utility>

namespace fedstrata::mpi {

/// What a rank does beside its own work: it shows that it lives, and takes messages that others
/// wait to get rid of. Each rank has one, made with its world (Comm::background()); whatever waits
/// in MPI does its jobs meanwhile.
///
/// An exception of a job reaches whoever waits, and the job stays. A job is not done within itself:
/// where it waits, the other jobs are done.
class Background {
  struct Entry {
    std::function<void()> work;
    bool only_waiting = false;
    bool busy = false;
  };

 public:
  /// While one lives its job is not done.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (entry_ != nullptr) entry_->busy = before_;
    }

   private:
    friend class Background;
    explicit Hold(Entry& entry) : entry_(&entry), before_(std::exchange(entry.busy, true)) {}
    Entry* entry_;
    bool before_ = false;
  };

  /// A job, until this is destroyed. Neither outlives the background nor is destroyed by its work.
  class Job {
   public:
    Job() = default;
    Job(Job&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), at_(other.at_) {}
    Job& operator=(Job&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~Job() {
      if (owner_ != nullptr) owner_->entries_.erase(at_);
    }
    /// For its owner, while busy with what the job would disturb.
    [[nodiscard]] Hold hold() { return Hold(*at_); }

   private:
    friend class Background;
    Job(Background& owner, std::list<Entry>::iterator at) : owner_(&owner), at_(at) {}
    Background* owner_ = nullptr;
    std::list<Entry>::iterator at_;
  };

  Background() = default;
  Background(Background const&) = delete;
  Background& operator=(Background const&) = delete;

  /// `work` is done while the rank waits and between two pieces of its own work. It has to be
  /// cheap.
  [[nodiscard]] Job always(std::function<void()> work) { return add(std::move(work), false); }
  /// `work` is done only while the rank waits.
  [[nodiscard]] Job while_waiting(std::function<void()> work) { return add(std::move(work), true); }

  /// Call between two pieces of work: does the jobs that cannot wait for its end.
  void look_up() { run(false); }
  /// Call again and again while waiting: does every job once.
  void wait() { run(true); }

 private:
  Job add(std::function<void()> work, bool only_waiting);
  void run(bool waiting);
  std::list<Entry> entries_;
};

}  // namespace fedstrata::mpi
