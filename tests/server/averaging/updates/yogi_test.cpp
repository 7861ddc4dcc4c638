// FedYogi: numbers worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(YogiUpdate, moves_the_squares_by_a_share_of_the_new_one) {
  auto const update = make_update({.update = "yogi",
                                   .update_lr = 0.5,
                                   .update_beta1 = 0.75,
                                   .update_beta2 = 0.5,
                                   .update_tau = 0.5});
  ASSERT_EQ(update.fields.size(), 2U);
  // The new square is larger than v = tau^2, smaller, and equal.
  std::vector<float> m(3, update.fields[0].initial), v(3, update.fields[1].initial);
  EXPECT_EQ(v[0], 0.25F);
  std::vector<float> const x = {1.0F, 1.0F, 1.0F};
  std::vector<float> values = {2.0F, 1.25F, 0.5F};  // D = 1, 1/4, -1/2
  update.apply({.before = x, .values = values, .state = {m, v}});
  EXPECT_EQ(m, (std::vector<float>{0.25F, 0.0625F, -0.125F}));
  EXPECT_EQ(v, (std::vector<float>{0.75F, 0.21875F, 0.25F}));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FLOAT_EQ(values[i], x[i] + 0.5F * m[i] / (std::sqrt(v[i]) + 0.5F)) << i;
  }
}

}  // namespace
}  // namespace fedstrata
