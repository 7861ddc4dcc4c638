#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "common/federation/layout.hpp"
#include "server/analysis/pool.hpp"
#include "server/averaging/row_writer.hpp"

namespace fedstrata {

/// What an analysis rank does during a run (or rank 0, where roles are folded): takes the clients'
/// rows, writes them, and analyses the rounds that are complete. What an interrupted run left to be
/// analysed comes first.
class Analyst {
 public:
  /// `world`: all ranks; `group`: the analysis ranks, of which this is one; both must outlive this.
  /// `trained`: last round of the run's start (0 for a new one). From here on, messages are also
  /// taken wherever this rank waits.
  Analyst(AnalysisInput input, Layout const& layout, mpi::Comm const& world, mpi::Comm const& group,
          std::int64_t trained);

  /// Takes messages that have arrived, then does at most one unit of work. Takes no rows while the
  /// analysis is behind by kBacklog rounds and analysis.backlog = wait (`hold`: may it refuse
  /// them?). False when there was nothing to do.
  bool advance(bool hold);
  /// All rows written and all rounds analysed, or left for another time?
  bool finished() const { return writer_.finished() && pool_.finished(); }
  /// Leader: are there rounds that were left?
  bool left_some() const { return left_some_; }
  TimeShares times() const;

  /// Rounds that may wait for analysis before rows are held back or rounds skipped.
  static constexpr std::size_t kBacklog = 2;

 private:
  void serve(bool hold);
  void shard_complete(std::int64_t round, std::vector<std::int64_t> const& excluded);
  void analyse(std::int64_t round, std::vector<std::int64_t> const& excluded);
  void add_stored(std::int64_t round);
  void add_job(std::int64_t round, std::vector<std::int64_t> const& excluded);
  void end(std::int64_t round);
  void leave_rest();

  AnalysisInput input_;
  mpi::Comm const* world_;
  mpi::Comm const* group_;
  int shards_;
  RowWriter writer_;
  AnalysisPool pool_;
  Outbox outbox_;
  std::map<std::int64_t, int> complete_;  ///< leader: shards on disk, per round
  std::set<std::int64_t> to_come_;        ///< rounds not yet handed to the pool
  bool ended_ = false;                    ///< has the last round been trained?
  bool interrupted_ = false;              ///< was that before the run's last?
  bool left_some_ = false;
  mpi::Background::Job serving_;  ///< not done while this rank is busy with the analysis itself
};

}  // namespace fedstrata
