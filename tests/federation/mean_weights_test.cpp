// What weighs how much in which mean.
#include "common/federation/mean_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace fedstrata {
namespace {

TEST(MeanWeightsTest, steps_add_up_as_in_the_paper) {
  EXPECT_EQ(summed_steps({}, 7), 7.0);
  EXPECT_EQ(summed_steps({}, 0), 0.0);
  for (double const rho : {0.3, 0.9}) {
    for (int const k : {1, 2, 30}) {
      double const expected = (k - rho * (1 - std::pow(rho, k)) / (1 - rho)) / (1 - rho);
      EXPECT_NEAR(summed_steps({.momentum = rho}, k), expected, 1e-9 * expected);
    }
  }
  // v = 1, 1.5; steps 1 + 0.5, 1 + 0.75
  EXPECT_EQ(summed_steps({.momentum = 0.5, .nesterov = true}, 2), 3.25);
}

TEST(MeanWeightsTest, divided_weights_sum_to_1_and_keep_their_bits_where_all_are_alike) {
  auto const weights = divided({0.25, 0.75}, {1.0, 6.0});
  EXPECT_DOUBLE_EQ(weights[0], 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(weights[1], 1.0 / 3.0);
  std::vector<double> const odd = {0.1, 0.2, 0.7};
  EXPECT_EQ(divided(odd, {3.0, 3.0, 3.0}), odd);
}

}  // namespace
}  // namespace fedstrata
