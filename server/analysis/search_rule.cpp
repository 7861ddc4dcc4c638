#include "server/analysis/phase_rule.hpp"

namespace fedstrata {
namespace {

class SearchRule final : public PhaseRule {
 public:
  SearchRule(double tolerance, bool statistics_from_base, LayerTable const& table)
      : tolerance_(tolerance), statistics_from_base_(statistics_from_base), table_(table) {}

  std::pair<std::int64_t, std::int64_t> samples(std::int64_t, std::int64_t,
                                                std::int64_t count) const override {
    return {0, count};
  }

  void add(PhaseGroup& group, Curve const& curve, PhaseRequest const& request) const override {
    group.wanted.push_back(
        place(table_, group.points, *curve.path, request.alpha, statistics_from_base_));
  }

  /// Points between those that are known, where a curve may be higher.
  std::vector<PhaseRequest> next(RoundPlan const& plan, FinishedPhase const& phase,
                                 RoundSums& sums) const override {
    take(plan, phase, sums);
    std::vector<PhaseRequest> requests;
    for (auto& [index, known] : sums.curves) {
      auto const [g, set, c] = index;
      auto const& curve = plan.groups[g].curves[c];
      if (!curve.path) continue;
      if (phase.phase == 0) {
        for (auto const& row : curve.points) {
          known.searched[row.alpha] = sums.mean(known, row.point).loss;
        }
      }
      auto const alpha = next_alpha(known.searched, tolerance_);
      if (!alpha) continue;
      requests.push_back({static_cast<std::int64_t>(g), static_cast<std::int64_t>(set),
                          static_cast<std::int64_t>(c), *alpha});
    }
    return requests;
  }

 private:
  /// The losses of what was asked for: a group's wanted points are in the order of its requests.
  static void take(RoundPlan const& plan, FinishedPhase const& phase, RoundSums& sums) {
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> position;
    for (auto const& request : phase.requests) {
      auto const where = place_of(request);
      int const point = phase.groups.at(where)->wanted[position[where]++];
      sums.curves.at(index_of(request)).searched[request.alpha] =
          phase.searched.at({where.first, where.second, point}) /
          static_cast<double>(plan.sets[where.second].count);
    }
  }

  double tolerance_;
  bool statistics_from_base_;
  LayerTable const& table_;
};

}  // namespace

std::unique_ptr<PhaseRule> make_search_rule(double tolerance, bool statistics_from_base,
                                            LayerTable const& table) {
  return std::make_unique<SearchRule>(tolerance, statistics_from_base, table);
}

}  // namespace fedstrata
