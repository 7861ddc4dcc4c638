#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/batches.hpp"
#include "common/experiment.hpp"
#include "common/protocol.hpp"
#include "common/run_directory.hpp"
#include "server/round_analysis.hpp"

namespace fedstrata {

/// A round whose rows are on disk.
struct RoundJob {
  std::int64_t round = 0;
  std::vector<std::int64_t> clients;   ///< participants that did not diverge, ascending
  std::vector<std::int64_t> diverged;  ///< those that did
};

/// What an analysis reads. Everything must outlive the pool.
struct AnalysisInput {
  Experiment const* experiment = nullptr;  ///< its config's [analysis] is what is computed
  RunDirectory* run = nullptr;
  Device const* device = nullptr;
  Batches const* train = nullptr;
  Batches const* test = nullptr;
  std::string name;  ///< of the analysis in the run
};

/// Analyses rounds on all ranks of a communicator. Its rank 0, the leader, hands out work units one
/// at a time to whoever is free, itself included, and writes a round's tables when its last result
/// is in. The bits do not depend on the number of ranks.
class AnalysisPool {
 public:
  /// `interlude` runs between any two evaluations (to serve other messages); may be empty.
  AnalysisPool(AnalysisInput input, mpi::Comm const& comm, std::function<void()> interlude);
  ~AnalysisPool();

  bool leads() const { return comm_->rank() == 0; }
  /// Leader only: a round to analyse, after those before it.
  void add(RoundJob job);
  /// Leader only: no more rounds will be added.
  void close() { closed_ = true; }
  /// Leader only: rounds added and not yet written.
  std::size_t pending() const { return jobs_.size(); }

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
  std::vector<double> compute(Job& job, std::size_t unit);
  void assign_waiting();
  bool next(Assignment& out);
  void take_result(std::int64_t round, std::size_t unit, std::vector<double> values);
  void write_finished();
  std::unique_ptr<Job> make_job(RoundJob const& round) const;

  AnalysisInput input_;
  mpi::Comm const* comm_;
  std::function<void()> interlude_;
  std::deque<std::unique_ptr<Job>> jobs_;  ///< leader: rounds in work; others: the current one
  std::vector<int> waiting_;               ///< leader: ranks that asked for a unit
  Outbox outbox_;
  bool asked_ = false;
  bool closed_ = false;
  bool finished_ = false;
  double seconds_ = 0.0;
};

}  // namespace fedstrata
