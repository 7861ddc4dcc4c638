#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {

void add_measured_line(CurveBuilder& curves, Group& group, Ends const& ends, CurveKey const& key,
                       Path const& path) {
  auto& curve = curves.add_line(group, ends, key, path);
  if (curves.input().config.curvature) curves.predict(group, ends, curve);
}

void LayerSetKind::add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                            std::vector<Target> const& targets, std::string const& prefix) const {
  for (auto const& target : targets) {
    CurveKey key{
        .kind = prefix + label_, .target = target.name, .a = ends.id_a, .b = ends.id_b, .rest = 0};
    key.rest = ends.id_a;
    add_measured_line(curves, group, ends, key, {ends.a, ends.b, target.layers, ends.a});
    key.rest = ends.rest_b;
    add_measured_line(curves, group, ends, key, {ends.a, ends.b, target.layers, ends.b});
  }
}

void LayerSetKind::add_clients(CurveBuilder& curves, Group& group, AllClients const& all,
                               std::vector<Target> const& targets) const {
  for (auto const& target : targets) {
    CurveKey const key{.kind = label_, .target = target.name, .a = kNobody, .b = kMean};
    auto& curve = curves.begin_change(group, key, all);
    curve.end_b = {{all.mean_point, 1.0}};
    curve.layers = target.layers.size();
    for (std::size_t i = 0; i < all.clients.size(); ++i) {
      int const client = all.models[i];
      int const mixed = curves.place(group, {client, all.mean, target.layers, client}, 1.0);
      curve.mid.push_back({mixed, all.share()});
      curve.points.push_back({1.0, mixed, all.clients[i], all.clients[i]});
    }
  }
}

}  // namespace fedstrata
