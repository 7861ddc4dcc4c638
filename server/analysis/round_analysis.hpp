#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/model.hpp"
#include "common/store/tables.hpp"
#include "server/analysis/group_evaluator.hpp"
#include "server/analysis/models.hpp"
#include "server/analysis/phase_rule.hpp"
#include "server/analysis/unit.hpp"
#include "server/engine/barrier_engine.hpp"
#include "server/plan/round_plan.hpp"
#include "server/results/round_sums.hpp"

namespace fedstrata {

/// Samples of the training and of the test set, by their numbers.
struct SampleSource {
  std::function<Batch(std::span<std::int64_t const> indices)> train, test;
};

/// The analysis of one round as phases of work units, to be computed anywhere and in any order, and
/// the records made of their results. A pure function of its arguments: neither units nor the bits
/// of their results depend on who computes them.
///
/// Curves: `full` interpolates all layers from client a (alpha 0) to b (alpha 1), rest = -1. Other
/// kinds interpolate their target's layers and take the others from `rest`, once from a and once
/// from b: with rest = a, alpha 0 is model a itself and alpha 1 is a with b's target; with rest =
/// b, alpha 1 is model b itself. Barriers are against the mean of the two full models (mid, swap)
/// or the path's own end points (path, over the interior alphas).
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
/// There is one phase, unless a tolerance or a search asks for more (PhaseRule): a phase then
/// follows from the results of those before it, and `requests()` tells other ranks what it is.
class RoundAnalysis {
 public:
  /// Keeps references to `model`, `task` and `config`. Throws InputError for kinds and splits that
  /// do not fit.
  RoundAnalysis(PlanInput const& input, Model const& model, Task const& task,
                InputShape const& shape, at::Tensor calibration);
  ~RoundAnalysis();

  RoundPlan const& plan() const { return plan_; }
  /// Of the phase at hand.
  std::size_t units() const { return units_.size(); }
  std::int64_t phase() const { return phase_; }
  /// What the phase evaluates, to be handed to enter() elsewhere; empty for the first.
  std::vector<PhaseRequest> const& requests() const { return requests_; }
  void enter(std::int64_t phase, std::vector<PhaseRequest> requests);

  /// Computes one unit of the phase; `interlude` (may be empty) runs between any two evaluations.
  UnitResult compute(std::size_t unit, AnalysisModels& models, SampleSource const& samples,
                     Interlude const& interlude);
  /// The result of a unit of the phase that packed() made numbers of. Throws Error when they are
  /// not of such a result.
  UnitResult unpack(std::size_t unit, std::vector<double> const& values) const;
  /// Takes the results of all units of the phase, in order, and goes on to the next phase; false
  /// when that was the last.
  bool finish_phase(std::vector<UnitResult> const& results);
  /// The tables of the round, sorted by their leading columns, once all phases are done.
  AnalysisSegment assemble() const;

  /// Multiply-adds of the units finished so far, and of one whole evaluation for every point of
  /// every curve.
  double work_done() const { return work_done_; }
  double work_plain() const { return work_plain_; }
  /// Multiply-adds that the round takes at most, of what is known before it begins: all curves on
  /// all samples, if no two models have a layer in common and `models_at_once` fit into memory.
  /// Without recomputed statistics and what a search adds.
  double work_expected(std::size_t models_at_once) const;
  /// Multiply-adds of one model on one sample.
  double forward_cost() const { return evaluator_.forward_cost(); }
  /// One line on how the work is cut and how the memory is used.
  std::string describe(std::size_t models_at_once) const;

 private:
  void begin_phase();
  void add_units(std::size_t group, std::size_t set);
  PhaseGroup whole_group(std::size_t group) const;
  ComparisonResult compute(ComparisonUnit const& unit, AnalysisModels& models) const;
  AlignmentResult compute(AlignmentUnit const& unit, AnalysisModels& models) const;
  PointsResult compute(PointsUnit const& unit, AnalysisModels& models, SampleSource const& samples,
                       Interlude const& interlude);
  void take(ComparisonUnit const& unit, ComparisonResult const& result);
  void take(AlignmentUnit const& unit, AlignmentResult const& result);
  void take(PointsUnit const& unit, PointsResult const& result);

  Model const& model_;
  RoundPlan plan_;
  GroupEvaluator evaluator_;
  std::unique_ptr<PhaseRule> rule_;
  RoundSums sums_;
  std::vector<Unit> units_;  ///< of the phase
  PhaseGroups groups_;
  /// Loss sums of points that belong to no curve's sums (PhaseRule).
  std::map<std::tuple<std::size_t, std::size_t, int>, double> searched_;
  std::vector<PhaseRequest> requests_;
  std::int64_t phase_ = 0;
  double work_done_ = 0.0;
  double work_plain_ = 0.0;
};

}  // namespace fedstrata
