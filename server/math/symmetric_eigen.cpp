#include "server/math/symmetric_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fedstrata {
namespace {

constexpr int kMostSweeps = 60;

/// Rotates rows and columns p and q so that element (p, q) vanishes.
void rotate(std::vector<double>& m, std::vector<double>& vectors, std::size_t n, std::size_t p,
            std::size_t q) {
  double const off = m[p * n + q];
  if (off == 0.0) return;
  double const theta = (m[q * n + q] - m[p * n + p]) / (2.0 * off);
  double const t = (theta >= 0.0 ? 1.0 : -1.0) / (std::abs(theta) + std::hypot(theta, 1.0));
  double const c = 1.0 / std::hypot(t, 1.0);
  double const s = t * c;
  auto const turn = [c, s](double& x, double& y) {
    double const old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (std::size_t i = 0; i < n; ++i) turn(m[i * n + p], m[i * n + q]);
  for (std::size_t i = 0; i < n; ++i) turn(m[p * n + i], m[q * n + i]);
  for (std::size_t i = 0; i < n; ++i) turn(vectors[p * n + i], vectors[q * n + i]);
}

double off_diagonal(std::vector<double> const& m, std::size_t n) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) sum += m[i * n + j] * m[i * n + j];
  }
  return sum;
}

}  // namespace

Eigen symmetric_eigen(std::vector<double> matrix, std::size_t n) {
  std::vector<double> vectors(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) vectors[i * n + i] = 1.0;
  double const whole = std::inner_product(matrix.begin(), matrix.end(), matrix.begin(), 0.0);
  for (int sweep = 0; sweep < kMostSweeps && off_diagonal(matrix, n) > 1e-30 * whole; ++sweep) {
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) rotate(matrix, vectors, n, p, q);
    }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](auto x, auto y) { return matrix[x * n + x] > matrix[y * n + y]; });
  Eigen result;
  for (auto const k : order) {
    auto const row = vectors.begin() + static_cast<std::ptrdiff_t>(k * n);
    result.values.push_back(matrix[k * n + k]);
    result.vectors.emplace_back(row, row + static_cast<std::ptrdiff_t>(n));
  }
  return result;
}

}  // namespace fedstrata
