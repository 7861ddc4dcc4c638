#include "server/plan/drawn_kind.hpp"
#include "server/plan/kinds/kinds.hpp"

namespace fedstrata {
namespace {

/// Random elements of the whole row, as many as a layer has.
class SubsetKind final : public DrawnKind {
 public:
  using DrawnKind::DrawnKind;

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    return each_layer(table);
  }

  void add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                std::vector<Target> const& targets, std::string const&) const override {
    auto const& table = curves.input().table;
    for (auto const& target : targets) {
      ModelSpec const spec{.kind = ModelSpec::Kind::subset,
                           .by_layer = by_layer(target, table),
                           .elements = elements(table, target.layers),
                           .target = target.layers.front()};
      add_draws(curves, group, ends, spec, {target.name, all_layers(table)}, "subset");
    }
  }
};

}  // namespace

BarrierKindPtr make_subset(KindText const& kind) {
  return std::make_shared<SubsetKind>(kind.text, kind_draws(kind));
}

}  // namespace fedstrata
