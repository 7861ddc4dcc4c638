// FedAdagrad: numbers worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(AdagradUpdate, sums_the_squares) {
  auto const update = make_update(
      {.update = "adagrad", .update_lr = 0.5, .update_beta1 = 0.75, .update_tau = 0.25});
  ASSERT_EQ(update.fields.size(), 2U);
  std::vector<float> m(1, update.fields[0].initial), v(1, update.fields[1].initial);
  EXPECT_EQ(v[0], 0.0625F);  // tau^2
  std::vector<float> x = {1.0F};
  std::vector<float> values = {2.0F};  // D = 1
  update.apply({.before = x, .values = values, .state = {m, v}});
  EXPECT_EQ(m[0], 0.25F);
  EXPECT_EQ(v[0], 1.0625F);
  EXPECT_FLOAT_EQ(values[0], 1.0F + 0.5F * 0.25F / (std::sqrt(1.0625F) + 0.25F));
  values = {x[0] - 2.0F};  // D = -2
  update.apply({.before = x, .values = values, .state = {m, v}});
  EXPECT_EQ(m[0], 0.1875F - 0.5F);
  EXPECT_EQ(v[0], 5.0625F);
  EXPECT_FLOAT_EQ(values[0], 1.0F - 0.5F * 0.3125F / (2.25F + 0.25F));
}

TEST(AdagradUpdate, does_not_read_beta2) {
  EXPECT_THROW(make_update({.update = "adagrad", .update_beta2 = 0.5}), std::exception);
}

}  // namespace
}  // namespace fedstrata
