// FedAdam: numbers worked out by hand, and its equations over many rounds.
#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(AdamUpdate, follows_its_equations) {
  auto const update = make_update({.update = "adam",
                                   .update_lr = 0.5,
                                   .update_beta1 = 0.75,
                                   .update_beta2 = 0.5,
                                   .update_tau = 0.25});
  ASSERT_EQ(update.fields.size(), 2U);
  std::vector<float> m(1, update.fields[0].initial), v(1, update.fields[1].initial);
  EXPECT_EQ(m[0], 0.0F);
  EXPECT_EQ(v[0], 0.0625F);  // tau^2
  std::vector<float> const x = {1.0F};
  std::vector<float> values = {2.0F};  // D = 1
  update.apply({.before = x, .values = values, .state = {m, v}});
  EXPECT_EQ(m[0], 0.25F);
  EXPECT_EQ(v[0], 0.53125F);
  EXPECT_FLOAT_EQ(values[0], 1.0F + 0.5F * 0.25F / (std::sqrt(0.53125F) + 0.25F));
}

TEST(AdamUpdate, agrees_with_the_equations_of_reddi_et_al_in_double) {
  double const lr = 0.03, beta1 = 0.9, beta2 = 0.99, tau = 1e-3;
  auto const update = make_update({.update = "adam", .update_lr = lr});
  Random random(7, Purpose::initialization);
  std::vector<float> x(50), m(50, 0.0F), v(50, static_cast<float>(tau * tau));
  for (auto& value : x) value = static_cast<float>(random.uniform());
  std::vector<double> p(x.begin(), x.end()), first(50, 0.0), second(50, tau * tau);
  for (int round = 0; round < 20; ++round) {
    std::vector<float> values(50);
    for (std::size_t i = 0; i < 50; ++i) {
      double const change = 0.01 * (random.uniform() - 0.4);
      values[i] = static_cast<float>(x[i] + change);
      first[i] = beta1 * first[i] + (1 - beta1) * change;
      second[i] = beta2 * second[i] + (1 - beta2) * change * change;
      p[i] += lr * first[i] / (std::sqrt(second[i]) + tau);
    }
    update.apply({.before = x, .values = values, .state = {m, v}});
    x = values;
    for (std::size_t i = 0; i < 50; ++i) ASSERT_NEAR(x[i], p[i], 1e-4) << round;
  }
}

}  // namespace
}  // namespace fedstrata
