#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/federation/messages.hpp"
#include "server/analysis/input.hpp"
#include "server/analysis/round_analysis.hpp"

namespace fedstrata {

/// How far an analysis is.
struct AnalysisProgress {
  std::size_t rounds = 0;  ///< written
  double done = 0.0;       ///< of the rounds added, parts of rounds included
  double multiply_adds = 0.0;
  double plain_multiply_adds = 0.0;  ///< of one whole evaluation for every point of every curve
};

/// Analyses rounds on all ranks of a communicator. Its rank 0, the leader, hands out work units one
/// at a time to whoever is free, itself included, and writes a round's tables when its last result
/// is in. The bits do not depend on the number of ranks.
class AnalysisPool {
 public:
  /// Between any two evaluations the background of `comm` gets its turn, then `serve_others`, which
  /// takes messages of other kinds; it may be empty.
  AnalysisPool(AnalysisInput input, mpi::Comm const& comm, std::function<void()> serve_others = {});
  ~AnalysisPool();

  bool leads() const { return comm_->rank() == 0; }
  /// Plans a round without computing it; returns the plan in words. Throws InputError for kinds,
  /// pairs and splits that do not fit.
  std::string check(RoundJob const& job) const;
  /// Leader only: a round to analyse, after those before it.
  void add(RoundJob job);
  /// Leader only: no more rounds will be added.
  void close() { closed_ = true; }
  /// Leader only: drops the rounds whose results are not written yet, and closes.
  void drop();
  /// Leader only: rounds added and not yet written.
  std::size_t pending() const { return queue_.size() + jobs_.size(); }
  AnalysisProgress progress() const;

  /// Exchanges messages and computes at most one unit. False when there was nothing to do.
  bool advance();
  bool finished() const { return finished_; }
  /// Seconds spent on units.
  double seconds() const { return seconds_; }

 private:
  struct Job;
  struct Assignment;
  void serve();
  bool lead();
  bool work();
  UnitResult compute(Job& job, std::size_t unit);
  void assign_waiting();
  bool next(Assignment& out);
  void begin_phase(Job& job) const;
  void take_result(Job& job, std::size_t unit, UnitResult result);
  void remember(UnitIndex const& unit, std::vector<double> const& values);
  Job* job_of(std::int64_t round);
  void finish_phases();
  void write_finished();
  std::unique_ptr<Job> make_job(RoundJob const& round) const;

  AnalysisInput input_;
  mpi::Comm const* comm_;
  std::function<void()> interlude_;
  std::deque<RoundJob> queue_;             ///< leader: rounds not yet begun
  std::deque<std::unique_ptr<Job>> jobs_;  ///< leader: rounds in work; others: the current one
  std::vector<int> waiting_;               ///< leader: ranks that asked for a unit
  Outbox outbox_;
  AnalysisProgress written_;
  bool asked_ = false;
  bool closed_ = false;
  bool finished_ = false;
  double seconds_ = 0.0;
};

}  // namespace fedstrata
