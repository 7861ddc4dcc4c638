// What tests of the updates with a momentum have in common.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "common/base/random.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// Takes the update and torch.optim.SGD on the pseudo-gradient g = x - mean, in double, through the
/// same rounds.
inline void expect_steps_of_sgd(std::string const& name, bool nesterov) {
  // torch.optim.SGD: buf = momentum buf + g, p -= lr buf; nesterov: p -= lr (g + momentum buf).
  double const lr = 0.7, beta = 0.9;
  auto const update = make_update({.update = name, .update_lr = lr, .update_beta1 = beta});
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
      p[i] -= lr * (nesterov ? beta * buffer[i] - step : buffer[i]);
    }
    update.apply({.before = x, .values = values, .state = {v}});
    x = values;
    for (std::size_t i = 0; i < 50; ++i) ASSERT_NEAR(x[i], p[i], 1e-5) << round;
  }
}

/// Without momentum and with rate 1, for numbers of all sizes.
inline void expect_bits_of_the_mean(std::string const& name) {
  auto const update = make_update({.update = name, .update_beta1 = 0.0});
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

}  // namespace fedstrata
