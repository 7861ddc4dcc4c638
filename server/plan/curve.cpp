#include "server/plan/curve.hpp"

#include <algorithm>
#include <set>

namespace fedstrata {

int place(LayerTable const& table, PointSet& points, Path const& path, double alpha,
          bool statistics_from_base) {
  int const base = path.rest >= 0 ? path.rest : path.a;
  std::vector<int> blends(table.layers.size());
  for (std::size_t l = 0; l < blends.size(); ++l) {
    bool const target = std::ranges::binary_search(path.layers, static_cast<int>(l));
    bool const has_buffers = table.layers[l].buffers.size > 0;
    int const statistics = statistics_from_base && has_buffers ? base : -1;
    blends[l] =
        points.add(target ? blend(path.a, path.b, alpha, statistics) : blend(base, base, 0.0));
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
