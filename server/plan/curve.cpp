#include "server/plan/curve.hpp"

#include <optional>
#include <set>

namespace fedstrata {

int place(LayerTable const& table, PointSet& points, Path const& path, double alpha,
          bool statistics_from_base) {
  int const base = path.rest >= 0 ? path.rest : path.a;
  // Few differ, so each is looked up once: where it comes first, which numbers it.
  std::optional<int> elsewhere, plain, with_statistics;
  std::vector<int> blends(table.layers.size());
  auto next = path.layers.begin();
  for (std::size_t l = 0; l < blends.size(); ++l) {
    bool const target = next != path.layers.end() && *next == static_cast<int>(l);
    if (target) ++next;
    bool const statistics = statistics_from_base && table.layers[l].buffers.size > 0;
    auto& known = !target ? elsewhere : statistics ? with_statistics : plain;
    if (!known)
      known = points.add(target ? blend(path.a, path.b, alpha, statistics ? base : -1)
                                : blend(base, base, 0.0));
    blends[l] = *known;
  }
  return points.add(blends);
}

std::vector<int> Curve::used() const {
  std::set<int> used;
  for (auto const* sum : {&end_a, &end_b, &mid, &swap, &predicted}) {
    for (auto const& term : *sum) used.insert(term.point);
  }
  for (auto const& row : points) used.insert(row.point);
  for (auto const& rise : rises) used.insert({rise.point, rise.first, rise.last});
  for (auto const& row : plane) used.insert(row.point);
  return {used.begin(), used.end()};
}

}  // namespace fedstrata
