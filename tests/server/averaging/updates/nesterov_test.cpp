// Nesterov's momentum: numbers worked out by hand, and the bits of plain averaging where it is
// that.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "common/base/random.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(NesterovUpdate, follows_its_equations) {
  auto const update = make_update({.update = "nesterov", .update_lr = 0.5, .update_beta1 = 0.75});
  ASSERT_EQ(update.fields.size(), 1U);
  std::vector<float> v(2, update.fields[0].initial);
  std::vector<float> x = {1.0F, -2.0F};
  std::vector<float> values = {2.0F, -2.5F};  // D = 1, -0.5
  update.apply({.before = x, .values = values, .state = {v}});
  EXPECT_EQ(v, (std::vector<float>{1.0F, -0.5F}));
  EXPECT_EQ(values, (std::vector<float>{1.875F, -2.4375F}));  // x + lr (0.75 v + D)
  x = values;
  values = {1.375F, -2.4375F};  // D = -0.5, 0; v = 0.75 v + D
  update.apply({.before = x, .values = values, .state = {v}});
  EXPECT_EQ(v, (std::vector<float>{0.25F, -0.375F}));
  EXPECT_EQ(values, (std::vector<float>{1.71875F, -2.578125F}));
}

TEST(NesterovUpdate, agrees_with_sgd_of_pytorch_on_the_pseudo_gradient) {
  // torch.optim.SGD(nesterov=True): buf = momentum buf + g, p -= lr (g + momentum buf), with
  // g = x - mean.
  double const lr = 0.7, beta = 0.9;
  auto const update = make_update({.update = "nesterov", .update_lr = lr, .update_beta1 = beta});
  Random random(5, Purpose::initialization);
  std::vector<float> x(50), v(50, 0.0F);
  for (auto& value : x) value = static_cast<float>(random.uniform());
  std::vector<double> p(x.begin(), x.end()), buffer(50, 0.0);
  for (int round = 0; round < 20; ++round) {
    std::vector<float> values(50);
    for (std::size_t i = 0; i < 50; ++i) {
      double const step = 0.01 * (random.uniform() - 0.4);
      values[i] = static_cast<float>(x[i] + step);
      buffer[i] = beta * buffer[i] - step;
      p[i] -= lr * (beta * buffer[i] - step);
    }
    update.apply({.before = x, .values = values, .state = {v}});
    x = values;
    for (std::size_t i = 0; i < 50; ++i) ASSERT_NEAR(x[i], p[i], 1e-5) << round;
  }
}

TEST(NesterovUpdate, without_momentum_and_with_rate_1_it_keeps_the_bits_of_the_mean) {
  auto const update = make_update({.update = "nesterov", .update_beta1 = 0.0});
  Random random(6, Purpose::initialization);
  std::vector<float> x, mean, v;
  for (double scale = 1e-20; scale < 1e20; scale *= 3.7) {
    for (int i = 0; i < 40; ++i) {
      x.push_back(static_cast<float>((random.uniform() - 0.5) * (i % 2 == 0 ? scale : 1.0)));
      mean.push_back(static_cast<float>((random.uniform() - 0.5) * (i % 3 == 0 ? scale : 1.0)));
      v.push_back(static_cast<float>(random.uniform() - 0.5));
    }
  }
  x.push_back(1.0F);
  mean.push_back(0.0F);
  v.push_back(std::numeric_limits<float>::max());
  auto values = mean;
  update.apply({.before = x, .values = values, .state = {v}});
  EXPECT_EQ(std::memcmp(values.data(), mean.data(), mean.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace fedstrata
