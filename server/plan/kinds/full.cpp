#include "server/plan/kinds/kinds.hpp"
#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {
namespace {

/// All layers together: no other layers are left that one of the models could supply.
class FullKind final : public BarrierKind {
 public:
  using BarrierKind::BarrierKind;

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    return {whole(table)};
  }
  bool alignable() const override { return true; }
  bool needs_pairs() const override { return false; }

  void add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                std::vector<Target> const& targets, std::string const& prefix) const override {
    auto const& all = targets.front();
    CurveKey const key{
        .kind = prefix + kFullKind, .target = all.name, .a = ends.id_a, .b = ends.id_b};
    add_measured_line(curves, group, ends, key, {ends.a, ends.b, all.layers, -1});
  }

  void add_clients(CurveBuilder& curves, Group& group, AllClients const& all,
                   std::vector<Target> const& targets) const override {
    auto const& target = targets.front();
    CurveKey const key{.kind = kFullKind, .target = target.name, .a = kNobody, .b = kMean};
    auto& curve = curves.begin_change(group, key, all);
    curve.end_b = {{all.mean_point, 1.0}};
    curve.layers = target.layers.size();
    curve.mid.push_back({all.mean_point, 1.0});
    for (std::size_t i = 0; i < all.clients.size(); ++i) {
      curve.points.push_back({0.0, all.own[i].point, all.clients[i], kNobody});
    }
    curve.points.push_back({1.0, all.mean_point, kNobody, kNobody});
  }
};

}  // namespace

BarrierKindPtr make_full(KindText const& kind) { return std::make_shared<FullKind>(kind.text); }

}  // namespace fedstrata
