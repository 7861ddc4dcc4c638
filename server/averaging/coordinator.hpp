#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/base/stopwatch.hpp"
#include "common/federation/experiment.hpp"
#include "common/federation/layout.hpp"
#include "common/federation/messages.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/run_writer.hpp"
#include "server/averaging/layer_updates.hpp"
#include "server/averaging/round_metrics.hpp"

namespace fedstrata {

/// Sum of the weights of the round's participants that did not diverge, for each weighting of the
/// round; 1 exactly when none did. Throws Error when all of them diverged.
std::vector<double> divisors(Experiment const& experiment, std::int64_t round,
                             std::vector<std::int64_t> const& excluded);

/// What the coordinator decides once a round is trained, for all ranks.
struct Decision {
  bool save = false;      ///< the state after the round
  bool stop = false;      ///< no further round
  bool given_up = false;  ///< a rank ended its training early: the round does not count
};

/// Rank 0's part of a run. After start() or resume() its functions are called in the order in which
/// they stand here, for each round (docs/architecture.md, "A round").
class Coordinator {
 public:
  /// `trained`: last round of an earlier start (0 for none). `metrics` is told each finished row of
  /// /metrics/rounds. `experiment`, `layout`, `world` and `run` must outlive this.
  Coordinator(Experiment const& experiment, Layout const& layout, mpi::Comm const& world,
              RunWriter& run, std::vector<std::int64_t> test_counts, std::int64_t trained,
              std::function<void(RoundRecord const&)> metrics);

  /// Goes on with what the updates kept until the state was saved.
  void resume(ResumeState const& state) { updates_.restore(state); }
  /// Round 0: the global row goes to the writers, what the client ranks report into the metrics.
  void start(std::span<float const> global);

  void begin_round();
  /// Waits until all client ranks have trained; what to divide the sums by, for each weighting.
  std::vector<double> training_over(std::int64_t round);
  /// Makes of means of the round what their layers become (LayerUpdates::apply).
  void update(RoundParts const& parts, std::int64_t first, std::span<float> packed,
              std::span<float const> before);
  Decision decide(std::int64_t round);
  /// LayerUpdates::factors() of a round that counts.
  std::vector<double> factors(RoundParts const& parts, std::span<float const> mean,
                              std::span<double const> distances,
                              std::span<float const> before) const {
    return updates_.factors(parts, mean, distances, before);
  }
  /// The round does not count; `global`: the row that it started from. Where clients keep nothing,
  /// that makes a state to go on from.
  void give_up(std::int64_t round, std::span<float const> global);
  /// The global row after the round goes to the writers, what the client ranks report into the
  /// metrics, which are written where the round asks for it. `averaging`: seconds.
  void finish(std::int64_t round, RoundParts const& parts, std::span<float const> global,
              double averaging, bool write);
  /// What the run needs to go on after this round: the metrics are on disk before it, and the
  /// writers let it become visible after all rows.
  void save(std::int64_t round, std::span<float const> global);

  /// Waits until the writers have every row, then tells them that `round` was the last one, of the
  /// run or of this start.
  void end(std::int64_t round, bool finished);

  /// Seconds: `wait` and `store`.
  TimeShares times() const { return times_; }

 private:
  void announce_stop() const;
  void collect(std::int64_t round, RoundParts const& parts, RoundTimes const& times);
  void commit(std::int64_t round, std::span<float const> global);
  void tell_writers(Commit const& commit);
  void write_metrics(std::int64_t round, bool saved);

  Experiment const* experiment_;
  Layout const* layout_;
  mpi::Comm const* world_;
  RunWriter* run_;
  std::function<void(RoundRecord const&)> tell_metrics_;
  LayerUpdates updates_;
  RoundMetrics metrics_;
  Outbox outbox_;
  std::vector<std::int64_t> excluded_;  ///< participants of the round that diverged, ascending
  bool given_up_ = false;               ///< did a rank give the round up?
  Stopwatch since_state_;               ///< since the last resume state
  Stopwatch since_metrics_;             ///< since they were written
  Stopwatch since_begin_;               ///< of the round
  double longest_round_ = 0.0;          ///< seconds
  std::int64_t saved_round_;
  TimeShares times_;
};

}  // namespace fedstrata
