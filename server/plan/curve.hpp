#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/model/layer_table.hpp"
#include "server/engine/evaluation_tree.hpp"

namespace fedstrata {

/// The straight line between two models in some layers; all others are those of `rest`.
struct Path {
  int a = 0;                ///< index of the model at alpha = 0
  int b = 0;                ///< at alpha = 1
  std::vector<int> layers;  ///< ascending
  int rest = -1;            ///< -1: `layers` are all
};

/// Adds the point of a path at `alpha`; returns its index. With `statistics_from_base` the float
/// buffers of interpolated layers are those of `rest` (of `a` where there is none).
int place(LayerTable const& table, PointSet& points, Path const& path, double alpha,
          bool statistics_from_base);

/// What is common to a curve's rows in the tables (but the split).
struct CurveKey {
  std::string kind;
  std::string target;
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t rest = -1;
  std::int64_t draw = 0;
  bool own_round = false;  ///< is b of this round and run, wherever the partners of pairs are?
};

/// A weighted sum of the losses at points.
struct Term {
  int point = 0;
  double factor = 1.0;
};
using Combination = std::vector<Term>;

/// The height of a point above the straight line between two others.
struct Rise {
  double alpha = 0.0;
  int point = 0;
  int first = 0;  ///< at alpha = 0
  int last = 0;   ///< at alpha = 1
};

/// A row of the table of points.
struct CurvePoint {
  double alpha = 0.0;
  int point = 0;
  std::int64_t a = 0;
  std::int64_t rest = -1;
};

/// A point in a plane through three models: base + u (b - a) + v (c - a).
struct PlanePoint {
  double u = 0.0;
  double v = 0.0;
  int point = 0;
};

/// One curve with its barriers as arithmetic on losses at points; points are indices into the
/// group's PointSet. Empty combinations are absent values.
struct Curve {
  CurveKey key;
  bool drawn = false;        ///< is it one of several draws, whose mean is a row too?
  std::size_t layers = 0;    ///< interpolated together
  std::optional<Path> path;  ///< where further points of the curve lie
  std::vector<CurvePoint> points;
  Combination end_a, end_b;  ///< the full models
  Combination mid, swap;
  std::vector<Rise> rises;  ///< of the interior points
  Combination predicted;    ///< of the midpoint, from slope and curvature at the ends
  std::int64_t c = -1;      ///< plane: the third client
  std::vector<PlanePoint> plane;
  std::vector<int> plane_layers;  ///< that are the plane's; ascending

  /// The points that occur, ascending.
  std::vector<int> used() const;
};

}  // namespace fedstrata
