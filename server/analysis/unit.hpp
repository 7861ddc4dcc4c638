#pragma once
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "server/math/geometry.hpp"
#include "server/results/round_sums.hpp"

namespace fedstrata {

// A unit is the smallest piece of an analysis that is handed to a rank. Its result travels and lies
// in journals as plain numbers, in the order of the members below.

struct ComparisonResult {
  std::vector<Products> layers;
};
/// Compares the rows of two models.
struct ComparisonUnit {
  using Result = ComparisonResult;
  std::size_t comparison = 0;  ///< index in the plan
};

struct AlignmentResult {
  std::vector<std::int64_t> orders;  ///< of all groups of units, one after the other
};
/// Finds the order of a model's units.
struct AlignmentUnit {
  using Result = AlignmentResult;
  std::size_t alignment = 0;  ///< index in the plan
};

struct PointsResult {
  std::vector<Value> points;                ///< sums over samples, of the points wanted
  std::vector<std::vector<Value>> squares;  ///< as by squares(), of the curves whose sums are taken
  double multiply_adds = 0.0;
  double plain_multiply_adds = 0.0;  ///< of one whole evaluation for every point of every curve
};
/// Evaluates the points of a phase's group on some samples of a set.
struct PointsUnit {
  using Result = PointsResult;
  std::size_t group = 0;  ///< index in the plan
  std::size_t set = 0;    ///< index in the plan
  std::int64_t first = 0;
  std::int64_t count = 0;
};

using Unit = std::variant<ComparisonUnit, AlignmentUnit, PointsUnit>;
using UnitResult = std::variant<ComparisonResult, AlignmentResult, PointsResult>;

/// A result as plain numbers.
std::vector<double> packed(UnitResult const& result);

// The results that packed() made numbers of. Throw Error when there are more or fewer numbers than
// such a result has.
ComparisonResult unpacked_comparison(std::vector<double> const& values, std::size_t layers);
AlignmentResult unpacked_alignment(std::vector<double> const& values, std::size_t units);
/// `squares`: how many each curve has.
PointsResult unpacked_points(std::vector<double> const& values, std::size_t points,
                             std::vector<std::size_t> const& squares);

}  // namespace fedstrata
