#include <algorithm>

#include "server/analysis/phase_rule.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kFirstChunks = 4;  // of a sample set, before a tolerance is looked at

class ToleranceRule final : public PhaseRule {
 public:
  explicit ToleranceRule(double tolerance) : tolerance_(tolerance) {}

  std::pair<std::int64_t, std::int64_t> samples(std::int64_t phase, std::int64_t chunk,
                                                std::int64_t count) const override {
    return {phase == 0 ? 0 : end(phase - 1, chunk, count), end(phase, chunk, count)};
  }

  void add(PhaseGroup& group, Curve const& curve, PhaseRequest const& request) const override {
    group.curves.push_back(static_cast<std::size_t>(request.curve));
    for (int const point : curve.used()) group.wanted.push_back(point);
  }

  void complete(PhaseGroup& group) const override {
    auto& wanted = group.wanted;
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  }

  /// Curves whose interval is still too wide, as far as there are samples left.
  std::vector<PhaseRequest> next(RoundPlan const& plan, FinishedPhase const&,
                                 RoundSums& sums) const override {
    std::vector<PhaseRequest> requests;
    if (tolerance_ == 0.0) return requests;
    for (auto& [index, known] : sums.curves) {
      auto const [g, set, c] = index;
      auto const& curve = plan.groups[g].curves[c];
      if (!curve.mid.empty()) {
        auto const width =
            half_width(sums.value(known, curve.mid), known.squares.front(), known.samples);
        if (2.0 * width.loss < tolerance_) known.active = false;
      }
      if (known.samples >= plan.sets[set].count) known.active = false;
      if (!known.active) continue;
      requests.push_back({static_cast<std::int64_t>(g), static_cast<std::int64_t>(set),
                          static_cast<std::int64_t>(c), 0.0});
    }
    return requests;
  }

 private:
  std::int64_t end(std::int64_t phase, std::int64_t chunk, std::int64_t count) const {
    if (tolerance_ == 0.0) return count;
    auto const chunks = kFirstChunks << std::min<std::int64_t>(phase, 40);
    return std::min(count, chunks * chunk);
  }

  double tolerance_;
};

}  // namespace

std::unique_ptr<PhaseRule> make_tolerance_rule(double tolerance) {
  return std::make_unique<ToleranceRule>(tolerance);
}

}  // namespace fedstrata
