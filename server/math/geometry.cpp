#include "server/math/geometry.hpp"

#include <algorithm>
#include <cmath>

#include "common/device/kernels.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

Products& Products::operator+=(Products const& other) {
  squared_distance += other.squared_distance;
  dot += other.dot;
  squared_a += other.squared_a;
  squared_b += other.squared_b;
  return *this;
}

double Products::distance() const { return std::sqrt(squared_distance); }

double Products::cosine() const {
  if (squared_a == 0.0 || squared_b == 0.0) return kAbsent;
  return std::clamp(dot / (std::sqrt(squared_a) * std::sqrt(squared_b)), -1.0, 1.0);
}

Products products(std::span<float const> a, std::span<float const> b) {
  auto const sums = kernels::pair_sums(a, b);
  return {.squared_distance = sums.distance2,
          .dot = sums.ab,
          .squared_a = sums.aa,
          .squared_b = sums.bb};
}

bool on_one_line(double ab, double ac, double bc) {
  constexpr double kFlat = 1e-10;  // of the squared distances
  double const dot = (ab + ac - bc) / 2.0;
  double const height = ab > 0.0 ? ac - dot * dot / ab : 0.0;
  return height <= kFlat * (ab + ac);
}

}  // namespace fedstrata
