#include "server/math/geometry.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

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
  // Independent lanes let the compiler use vector registers without reordering a sum.
  constexpr std::size_t kLanes = 8;
  std::array<Products, kLanes> lanes{};
  auto const add = [&](Products& lane, std::size_t i) {
    double const x = a[i];
    double const y = b[i];
    lane.squared_distance += (x - y) * (x - y);
    lane.dot += x * y;
    lane.squared_a += x * x;
    lane.squared_b += y * y;
  };
  std::size_t const whole = a.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lanes[lane], i + lane);
  }
  for (std::size_t i = whole; i < a.size(); ++i) add(lanes[i - whole], i);
  Products sum;
  for (auto const& lane : lanes) sum += lane;
  return sum;
}

bool on_one_line(double ab, double ac, double bc) {
  constexpr double kFlat = 1e-10;  // of the squared distances
  double const dot = (ab + ac - bc) / 2.0;
  double const height = ab > 0.0 ? ac - dot * dot / ab : 0.0;
  return height <= kFlat * (ab + ac);
}

}  // namespace fedstrata
