#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "common/config.hpp"
#include "common/model.hpp"
#include "common/run_directory.hpp"
#include "server/barrier_engine.hpp"
#include "server/round_plan.hpp"

namespace fedstrata {

/// Models by client id, as views that stay valid while they are held.
struct ModelSource {
  std::function<Weights(std::int64_t client)> trained;  ///< a participant's, or kMean
  std::function<Weights(std::int64_t client)> initial;  ///< the client's initialisation
};

/// Samples by split.
struct SplitSource {
  BatchLoader train;
  BatchLoader test;
};

/// The analysis of one round as a list of work units, to be computed anywhere and in any order, and
/// the records made of their results. A pure function of its arguments: neither units nor the bits
/// of their results depend on who computes them.
///
/// Curves: `full` interpolates all layers from client a (alpha 0) to b (alpha 1), rest = -1.
/// `layer` interpolates one layer and takes the others from `rest`, once from a and once from b:
/// with rest = a, alpha 0 is model a itself and alpha 1 is a with b's layer; with rest = b, alpha 1
/// is model b itself. Barriers are against the mean of the two full models (mid, swap) or the
/// path's own end points (path, over the interior alphas).
///
/// `analysis.pairs = clients` measures what averaging meets. Its rows have a = -1, b = -2,
/// rest = -1, path and swap absent, loss_a = mean over clients of E(client), loss_b = E(weighted
/// mean); means over clients are unweighted.
///   full:  loss_mid = E(weighted mean) - mean E(client)
///   layer: loss_mid = mean E(client with that layer of the weighted mean) - mean E(client)
/// Its points: (full, a = client, b = -2, alpha 0) is E(client), (full, a = -1, b = -2, alpha 1) is
/// E(weighted mean), (layer, a = client, b = -2, rest = client, alpha 1) is E(client with the
/// layer).
///
/// Geometry (parameters, not buffers): the pairs, and every participant against the weighted mean
/// and against its own initialisation; per layer and whole (layer "all").
class RoundAnalysis {
 public:
  /// Keeps a reference to `model`; the rest as plan_round(). Throws InputError for unknown kinds.
  RoundAnalysis(AnalysisConfig const& config, std::vector<double> alphas, Model const& model,
                PairSelection const& pairs, std::uint64_t seed, std::int64_t round,
                std::vector<std::int64_t> participants, std::int64_t train_count,
                std::int64_t test_count);

  std::size_t units() const { return plan_.units.size(); }
  /// Length of the result of a unit.
  std::size_t values(std::size_t unit) const;
  /// What the units are, to see which models each asks for.
  RoundPlan const& plan() const { return plan_; }

  /// Computes one unit; `interlude` (may be empty) runs between any two evaluations. Asks `models`
  /// once per model and unit; keeps them to the end of the unit.
  std::vector<double> compute(std::size_t unit, ModelSource const& models,
                              SplitSource const& samples, Interlude const& interlude) const;

  /// The tables of the round, sorted by their leading columns. `results`: one per unit.
  AnalysisSegment assemble(std::vector<std::vector<double>> const& results) const;

 private:
  std::vector<double> sweep(Unit const& unit, ModelSource const& models, BatchLoader const& load,
                            Interlude const& interlude) const;
  std::vector<double> geometry(Unit const& unit, ModelSource const& models) const;

  Model const& model_;
  BarrierEngine engine_;
  RoundPlan plan_;
};

}  // namespace fedstrata
