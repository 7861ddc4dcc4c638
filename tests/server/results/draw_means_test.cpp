#include "server/results/draw_means.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace fedstrata {
namespace {

/// Rows of one random curve, whose middles are 1, 2, ... draws.
std::vector<BarrierRecord> drawn(int draws) {
  std::vector<BarrierRecord> rows(static_cast<std::size_t>(draws));
  for (int i = 0; i < draws; ++i) {
    auto& row = rows[static_cast<std::size_t>(i)];
    row.kind = "random";
    row.draw = i;
    row.loss_mid = i + 1;
  }
  return rows;
}

// The quantile of Student's t is our own (docs/architecture.md says why).
TEST(DrawMeansTest, intervals_are_those_of_students_t) {
  for (int const draws : {2, 3, 4, 5, 6, 7, 8, 12, 40, 1000}) {
    auto const means = draw_means(drawn(draws));
    ASSERT_EQ(means.size(), 1u);
    EXPECT_EQ(means[0].draw, -1);
    EXPECT_DOUBLE_EQ(means[0].loss_mid, (draws + 1) / 2.0);
    double const quantile = boost::math::quantile(boost::math::students_t(draws - 1), 0.975);
    double const error_of_mean = std::sqrt((draws + 1) / 12.0);  // of 1, 2, ... draws
    double const half = quantile * error_of_mean;
    double const tolerance = half * (draws <= 6 ? 1e-9 : 6e-4);
    EXPECT_NEAR(means[0].loss_mid_high - means[0].loss_mid, half, tolerance) << draws;
    EXPECT_NEAR(means[0].loss_mid - means[0].loss_mid_low, half, tolerance) << draws;
  }
}

TEST(DrawMeansTest, one_draw_has_no_interval) {
  auto const means = draw_means(drawn(1));
  ASSERT_EQ(means.size(), 1u);
  EXPECT_EQ(means[0].loss_mid, 1.0);
  EXPECT_TRUE(std::isnan(means[0].loss_mid_low));
  EXPECT_TRUE(std::isnan(means[0].loss_mid_high));
}

TEST(DrawMeansTest, curves_that_differ_in_more_than_the_draw_have_means_of_their_own) {
  auto rows = drawn(4);
  rows[0].target = rows[1].target = "fc1";
  auto const means = draw_means(rows);
  ASSERT_EQ(means.size(), 2u);
  EXPECT_EQ(means[0].loss_mid + means[1].loss_mid, 1.5 + 3.5);
}

}  // namespace
}  // namespace fedstrata
