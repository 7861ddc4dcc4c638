#include <string>

#include "common/base/error.hpp"
#include "server/plan/kinds/kinds.hpp"

namespace fedstrata {
namespace {

/// What two layers do together beyond what each does alone: B(i,j) - B(i) - B(j), at the midpoint
/// and where both layers are swapped.
class InteractionKind final : public BarrierKind {
 public:
  using BarrierKind::BarrierKind;

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    require_input(table.layers.size() <= kMostLayers,
                  "analysis.kinds: interaction compares every two layers, of at most " +
                      std::to_string(kMostLayers) + "; the model has " +
                      std::to_string(table.layers.size()) + "; leave it out");
    std::vector<Target> result;
    for (int const j : all_layers(table)) {
      for (int i = 0; i < j; ++i) {
        result.push_back({name_of(table, i) + "+" + name_of(table, j), {i, j}});
      }
    }
    return result;
  }

  void add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                std::vector<Target> const& targets, std::string const&) const override {
    for (auto const& target : targets) {
      for (bool const into_b : {false, true}) add(curves, group, ends, target, into_b);
    }
  }

 private:
  static constexpr std::size_t kMostLayers = 1000;

  static void add(CurveBuilder& curves, Group& group, Ends const& ends, Target const& target,
                  bool into_b) {
    int const a = curves.own_point(group, ends.a);
    int const b = curves.own_point(group, ends.b);
    int const rest = into_b ? ends.b : ends.a;
    auto const at = [&](std::vector<int> layers, double alpha) {
      return curves.place(group, {ends.a, ends.b, std::move(layers), rest}, alpha);
    };
    Curve curve;
    curve.key = {.kind = "interaction",
                 .target = target.name,
                 .a = ends.id_a,
                 .b = ends.id_b,
                 .rest = into_b ? ends.rest_b : ends.id_a};
    curve.layers = target.layers.size();
    curve.end_a = {{a, 1.0}};
    curve.end_b = {{b, 1.0}};
    auto const together = [&](double alpha) -> Combination {
      int const both = at(target.layers, alpha);
      curve.points.push_back({alpha, both, curve.key.a, curve.key.rest});
      return {{both, 1.0},
              {at({target.layers[0]}, alpha), -1.0},
              {at({target.layers[1]}, alpha), -1.0},
              {a, 0.5},
              {b, 0.5}};
    };
    curve.mid = together(0.5);
    curve.swap = together(into_b ? 0.0 : 1.0);
    group.curves.push_back(std::move(curve));
  }
};

}  // namespace

BarrierKindPtr make_interaction(KindText const& kind) {
  return std::make_shared<InteractionKind>(kind.text);
}

}  // namespace fedstrata
