#include "server/math/symmetric_eigen.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.hpp"

namespace fedstrata {
namespace {

TEST(symmetric_eigen, of_a_known_matrix) {
  auto const eigen = symmetric_eigen({2, 1, 1, 2}, 2);
  EXPECT_NEAR(eigen.values[0], 3.0, 1e-14);
  EXPECT_NEAR(eigen.values[1], 1.0, 1e-14);
  EXPECT_NEAR(std::abs(eigen.vectors[0][0]), std::sqrt(0.5), 1e-14);
}

TEST(symmetric_eigen, vectors_are_orthonormal_and_rebuild_the_matrix) {
  constexpr std::size_t n = 9;
  Random random(1, Purpose::synthetic_data);
  std::vector<double> matrix(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) matrix[i * n + j] = matrix[j * n + i] = random.normal();
  }
  auto const [values, vectors] = symmetric_eigen(matrix, n);
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0) {
      EXPECT_GE(values[i - 1], values[i]);
    }
    for (std::size_t j = 0; j < n; ++j) {
      double rebuilt = 0.0, product = 0.0;
      for (std::size_t k = 0; k < n; ++k) {
        rebuilt += values[k] * vectors[k][i] * vectors[k][j];
        product += vectors[i][k] * vectors[j][k];
      }
      EXPECT_NEAR(rebuilt, matrix[i * n + j], 1e-12);
      EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 1e-12);
    }
  }
}

TEST(symmetric_eigen, zero_has_zeros) {
  for (double const value : symmetric_eigen(std::vector<double>(16, 0.0), 4).values)
    EXPECT_EQ(value, 0.0);
}

}  // namespace
}  // namespace fedstrata
