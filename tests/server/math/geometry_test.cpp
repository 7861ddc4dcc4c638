#include "server/math/geometry.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace fedstrata {
namespace {

TEST(geometry, distance_and_cosine_of_known_vectors) {
  std::vector<float> const a{3, 0, 4};
  std::vector<float> const b{0, 5, 0};
  auto const p = products(a, b);
  EXPECT_DOUBLE_EQ(p.distance(), std::sqrt(50.0));
  EXPECT_DOUBLE_EQ(p.cosine(), 0.0);
  EXPECT_DOUBLE_EQ(p.squared_a, 25.0);
  EXPECT_DOUBLE_EQ(p.squared_b, 25.0);
}

TEST(geometry, long_vectors_are_summed_in_double) {
  std::vector<float> a(100003), b(100003);
  long double distance = 0, dot = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = std::sin(static_cast<float>(i));
    b[i] = std::cos(static_cast<float>(3 * i));
    distance += static_cast<long double>(a[i] - static_cast<double>(b[i])) *
                (a[i] - static_cast<double>(b[i]));
    dot += static_cast<long double>(a[i]) * b[i];
  }
  auto const p = products(a, b);
  EXPECT_NEAR(p.squared_distance, static_cast<double>(distance), 1e-7);
  EXPECT_NEAR(p.dot, static_cast<double>(dot), 1e-7);
}

TEST(geometry, parts_add_up_and_directions_stay_in_range) {
  std::vector<float> const a{0.1f, -0.7f, 2.5f};
  auto whole = products(std::span(a).first(1), std::span(a).first(1));
  whole += products(std::span(a).subspan(1), std::span(a).subspan(1));
  EXPECT_LE(whole.cosine(), 1.0);
  EXPECT_NEAR(whole.cosine(), 1.0, 1e-15);
  EXPECT_EQ(whole.distance(), 0.0);
}

TEST(geometry, a_zero_vector_has_no_direction) {
  std::vector<float> const zero(4, 0.0f), one(4, 1.0f);
  EXPECT_TRUE(std::isnan(products(zero, one).cosine()));
  EXPECT_DOUBLE_EQ(products(zero, one).distance(), 2.0);
}

}  // namespace
}  // namespace fedstrata
