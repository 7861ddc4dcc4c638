#include "server/plan/drawn_kind.hpp"
#include "server/plan/kinds/kinds.hpp"

namespace fedstrata {
namespace {

/// A random direction, as long as the way to the partner.
class RandomKind final : public DrawnKind {
 public:
  using DrawnKind::DrawnKind;

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    return each_layer_and_whole(table);
  }

  void add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                std::vector<Target> const& targets, std::string const&) const override {
    for (auto const& target : targets) {
      ModelSpec const spec{.kind = ModelSpec::Kind::random,
                           .by_layer = by_layer(target, curves.input().table)};
      add_draws(curves, group, ends, spec, target, "random");
    }
  }
};

}  // namespace

BarrierKindPtr make_random(KindText const& kind) {
  return std::make_shared<RandomKind>(kind.text, kind_draws(kind));
}

}  // namespace fedstrata
