#pragma once
#include <vector>

#include "server/engine/barrier_engine.hpp"
#include "tests/support/plain_evaluator.hpp"

namespace fedstrata {

/// The model at a point, put together element by element in double.
inline HostModel assemble(LayerTable const& table, std::vector<HostModel> const& models,
                          PointSet const& points, int point) {
  HostModel result = models.front();
  for (std::size_t l = 0; l < table.layers.size(); ++l) {
    auto const& blend = points.blends()[static_cast<std::size_t>(points.point(point)[l])];
    auto const& from = models[static_cast<std::size_t>(blend.from)];
    auto const& to = models[static_cast<std::size_t>(blend.to)];
    auto const fill = [&](auto& out, auto const& x, auto const& y, Slice slice) {
      for (auto i = slice.offset; i < slice.offset + slice.size; ++i) {
        auto const n = static_cast<std::size_t>(i);
        out[n] = static_cast<float>((1.0 - blend.step) * x[n] + blend.step * y[n]);
      }
    };
    fill(result.row, from.row, to.row, table.layers[l].parameters);
    if (blend.statistics >= 0) {
      auto const& own = models[static_cast<std::size_t>(blend.statistics)].buffers;
      fill(result.buffers, own, own, table.layers[l].buffers);
    } else {
      fill(result.buffers, from.buffers, to.buffers, table.layers[l].buffers);
    }
  }
  return result;
}

struct LossSums {
  double loss = 0.0;
  double errors = 0.0;
};

/// Sums over samples 0 .. count - 1 of every point of a set, by the engine.
inline std::vector<LossSums> engine_sums(BarrierEngine const& engine, Model const& model,
                                         std::vector<Weights> models, PointSet const& points,
                                         std::int64_t count, BatchLoader const& load,
                                         Interlude const& interlude = {}) {
  std::vector<int> all;
  for (std::size_t i = 0; i < points.size(); ++i) all.push_back(static_cast<int>(i));
  auto const tree = build_tree(points, all, engine.stages());
  BlendedWeights weights(model.table(), std::move(models), points.blends(), std::int64_t{1} << 26);
  SampleLosses losses(points.size(), count);
  engine.evaluate(tree, weights, 0, count, load, losses, interlude);
  std::vector<LossSums> sums(points.size());
  for (int const point : all) {
    auto& sum = sums[static_cast<std::size_t>(point)];
    for (double const loss : losses.loss(point)) sum.loss += loss;
    for (auto const error : losses.error(point)) sum.errors += error;
  }
  return sums;
}

}  // namespace fedstrata
