#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "common/config/config.hpp"
#include "common/federation/messages.hpp"
#include "common/model/layer_table.hpp"
#include "server/engine/evaluation_tree.hpp"
#include "server/plan/round_plan.hpp"
#include "server/results/round_sums.hpp"

namespace fedstrata {

/// Where the points of a request's curve are, in PhaseGroups.
inline std::pair<std::size_t, std::size_t> place_of(PhaseRequest const& request) {
  return {static_cast<std::size_t>(request.group), static_cast<std::size_t>(request.set)};
}
inline CurveIndex index_of(PhaseRequest const& request) {
  return {static_cast<std::size_t>(request.group), static_cast<std::size_t>(request.set),
          static_cast<std::size_t>(request.curve)};
}

/// What a phase evaluates of one group of the plan on one sample set.
struct PhaseGroup {
  PointSet points;
  std::vector<int> wanted;              ///< points; in a search one for each request
  std::vector<std::size_t> curves;      ///< whose sums are taken (none in a search)
  std::vector<std::vector<int>> waves;  ///< the wanted points, cut when first computed
};

/// Those of a phase, by indices of group and sample set.
using PhaseGroups = std::map<std::pair<std::size_t, std::size_t>, std::shared_ptr<PhaseGroup>>;

/// A phase that is over.
struct FinishedPhase {
  std::int64_t phase = 0;
  std::vector<PhaseRequest> const& requests;  ///< what it was asked for
  PhaseGroups const& groups;
  /// Loss sums of points that belong to no curve's sums, by indices of group, sample set and point.
  std::map<std::tuple<std::size_t, std::size_t, int>, double> const& searched;
};

/// Decides what is evaluated after the first phase, from the results of those before. Without
/// state: any rank may be told of a phase by its number and its requests.
class PhaseRule {
 public:
  virtual ~PhaseRule() = default;

  /// The samples that a phase evaluates of a set of `count`: from the first number to before the
  /// second. `chunk`: samples of a unit.
  virtual std::pair<std::int64_t, std::int64_t> samples(std::int64_t phase, std::int64_t chunk,
                                                        std::int64_t count) const = 0;
  /// Adds to a later phase's group what a request asks for.
  virtual void add(PhaseGroup& group, Curve const& curve, PhaseRequest const& request) const = 0;
  /// Is called once a group has all that was asked for.
  virtual void complete(PhaseGroup& /*group*/) const {}
  /// Takes a phase's results over into `sums`; what the next phase evaluates, nothing after the
  /// last.
  virtual std::vector<PhaseRequest> next(RoundPlan const& plan, FinishedPhase const& phase,
                                         RoundSums& sums) const = 0;
};

/// The rule that analysis.tolerance and analysis.alphas ask for.
std::unique_ptr<PhaseRule> make_phase_rule(AnalysisConfig const& config, LayerTable const& table);

/// More samples for curves whose interval is still wider than `tolerance` (0: all at once). Blocks
/// of samples, each as large as all before.
std::unique_ptr<PhaseRule> make_tolerance_rule(double tolerance);

/// More points where a curve is highest, to within `tolerance`. The table must outlive the rule.
std::unique_ptr<PhaseRule> make_search_rule(double tolerance, bool statistics_from_base,
                                            LayerTable const& table);

}  // namespace fedstrata
