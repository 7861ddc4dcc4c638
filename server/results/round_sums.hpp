#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "server/math/geometry.hpp"
#include "server/plan/curve.hpp"
#include "server/plan/round_plan.hpp"

namespace fedstrata {

class SampleLosses;

/// A loss and an error (Task::judge), or sums of them.
struct Value {
  double loss = 0.0;
  double error = 0.0;
};

/// Which curve on which samples: indices of group, sample set and curve within the group.
using CurveIndex = std::tuple<std::size_t, std::size_t, std::size_t>;

/// What is known of one curve on one sample set.
struct CurveSums {
  std::int64_t samples = 0;
  std::map<int, Value> points;        ///< sums by point
  std::vector<Value> squares;         ///< sums of squares of mid, swap and rises, in this order
  bool active = true;                 ///< does a tolerance ask for more samples?
  std::map<double, double> searched;  ///< mean loss by alpha: the grid and what a search added
};

/// How many squares() a curve has.
std::size_t squares_count(Curve const& curve);

/// Squares, sample by sample, of what a curve's barriers are made of: mid, swap, rises (absent ones
/// too, as 0). Losses hold at least the points that the curve uses.
std::vector<Value> squares(Curve const& curve, SampleLosses const& losses, std::int64_t samples);

/// The results of a round's units, added up.
class RoundSums {
 public:
  /// Values of comparisons, by index in the plan: [layers].
  std::map<std::size_t, std::vector<Products>> comparisons;
  /// Orders of the units of all groups, one after the other, by index in the plan.
  std::map<std::size_t, std::vector<std::int64_t>> alignments;
  std::map<CurveIndex, CurveSums> curves;

  Value mean(CurveSums const& sums, int point) const;
  /// Absent (NaN) for an empty combination.
  Value value(CurveSums const& sums, Combination const& combination) const;
  /// The height over the chord; exactly 0 when all three are equal.
  Value value(CurveSums const& sums, Rise const& rise) const;
};

/// Half the width of the 95 % interval (normal) of a mean of n values, from its value and the sum
/// of squares; NaN for n < 2.
Value half_width(Value const& mean, Value const& squares, std::int64_t n);

/// Alphas that a golden-section search for the highest rise above the chord wants next, of a curve
/// with these losses by alpha (ends and at least one between); empty once the highest point is
/// known to within `tolerance`.
std::optional<double> next_alpha(std::map<double, double> const& losses, double tolerance);

/// The highest rise above the chord among the alphas between 0 and 1, and where (the smallest such
/// alpha on ties).
std::pair<double, double> highest_rise(std::map<double, double> const& losses);

}  // namespace fedstrata
