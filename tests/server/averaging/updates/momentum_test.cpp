// FedAvgM: numbers worked out by hand, and the bits of plain averaging where it is that.
#include "tests/support/momenta.hpp"

namespace fedstrata {
namespace {

TEST(MomentumUpdate, follows_its_equations) {
  auto const update = make_update({.update = "momentum", .update_lr = 0.5, .update_beta1 = 0.75});
  ASSERT_EQ(update.fields.size(), 1U);
  std::vector<float> v(2, update.fields[0].initial);
  std::vector<float> x = {1.0F, -2.0F};
  std::vector<float> values = {2.0F, -2.5F};  // D = 1, -0.5
  update.apply({.before = x, .values = values, .state = {v}});
  EXPECT_EQ(v, (std::vector<float>{1.0F, -0.5F}));
  EXPECT_EQ(values, (std::vector<float>{1.5F, -2.25F}));
  x = values;
  values = {1.0F, -2.25F};  // D = -0.5, 0; v = 0.75 v + D
  update.apply({.before = x, .values = values, .state = {v}});
  EXPECT_EQ(v, (std::vector<float>{0.25F, -0.375F}));
  EXPECT_EQ(values, (std::vector<float>{1.625F, -2.4375F}));
}

TEST(MomentumUpdate, agrees_with_sgd_of_pytorch_on_the_pseudo_gradient) {
  expect_steps_of_sgd("momentum", false);
}

TEST(MomentumUpdate, without_momentum_and_with_rate_1_it_keeps_the_bits_of_the_mean) {
  expect_bits_of_the_mean("momentum");
}

}  // namespace
}  // namespace fedstrata
