#include "common/device/dense.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "common/base/random.hpp"

namespace fedstrata {
namespace {

std::vector<float> random_values(std::size_t count, std::uint64_t stream) {
  Random random(3, Purpose::initialization, stream);
  std::vector<float> values(count);
  for (auto& value : values) value = static_cast<float>(random.normal());
  return values;
}

struct Shape {
  std::size_t rows, inputs, outputs;
};

class Dense : public testing::TestWithParam<Shape> {};

TEST_P(Dense, equals_the_sum_in_double) {
  auto const [rows, inputs, outputs] = GetParam();
  auto const x = random_values(rows * inputs, 0), weight = random_values(outputs * inputs, 1);
  auto const bias = random_values(outputs, 2);
  for (auto const* b : {bias.data(), static_cast<float const*>(nullptr)}) {
    std::vector<float> y(rows * outputs);
    kernels::dense(x.data(), weight.data(), b, rows, inputs, outputs, y.data());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t o = 0; o < outputs; ++o) {
        double expected = b != nullptr ? bias[o] : 0.0;
        for (std::size_t i = 0; i < inputs; ++i)
          expected += static_cast<double>(x[r * inputs + i]) * weight[o * inputs + i];
        ASSERT_NEAR(y[r * outputs + o], expected, 1e-5 * static_cast<double>(inputs))
            << r << ' ' << o;
      }
    }
  }
}

TEST_P(Dense, gradients_equal_the_sums_in_double) {
  auto const [rows, inputs, outputs] = GetParam();
  auto const x = random_values(rows * inputs, 0), g = random_values(rows * outputs, 1);
  auto const old_weight = random_values(outputs * inputs, 2), old_bias = random_values(outputs, 3);
  constexpr float kAlpha = -0.5F;
  for (float const beta : {0.0F, 1.0F, 0.25F}) {
    auto weight = old_weight, bias = old_bias;
    if (beta == 0.0F) {  // what is there does not matter
      weight.assign(weight.size(), std::numeric_limits<float>::quiet_NaN());
      bias.assign(bias.size(), std::numeric_limits<float>::quiet_NaN());
    }
    kernels::dense_gradient(g.data(), x.data(), rows, inputs, outputs, beta, kAlpha, weight.data(),
                            bias.data());
    auto without_bias = beta == 0.0F ? std::vector<float>(weight.size()) : old_weight;
    kernels::dense_gradient(g.data(), x.data(), rows, inputs, outputs, beta, kAlpha,
                            without_bias.data(), nullptr);
    EXPECT_EQ(without_bias, weight);
    for (std::size_t o = 0; o < outputs; ++o) {
      double column = 0.0;
      for (std::size_t r = 0; r < rows; ++r) column += g[r * outputs + o];
      ASSERT_NEAR(bias[o], beta * old_bias[o] + kAlpha * column, 1e-5 * static_cast<double>(rows));
      for (std::size_t i = 0; i < inputs; ++i) {
        double sum = 0.0;
        for (std::size_t r = 0; r < rows; ++r)
          sum += static_cast<double>(g[r * outputs + o]) * x[r * inputs + i];
        ASSERT_NEAR(weight[o * inputs + i], beta * old_weight[o * inputs + i] + kAlpha * sum,
                    1e-5 * static_cast<double>(rows))
            << o << ' ' << i;
      }
    }
  }
}

TEST_P(Dense, gradient_of_the_input_equals_the_sum_in_double) {
  auto const [rows, inputs, outputs] = GetParam();
  auto const g = random_values(rows * outputs, 0), weight = random_values(outputs * inputs, 1);
  std::vector<float> out(rows * inputs);
  kernels::dense_input_gradient(g.data(), weight.data(), rows, inputs, outputs, out.data());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < inputs; ++i) {
      double expected = 0.0;
      for (std::size_t o = 0; o < outputs; ++o)
        expected += static_cast<double>(g[r * outputs + o]) * weight[o * inputs + i];
      ASSERT_NEAR(out[r * inputs + i], expected, 1e-5 * static_cast<double>(outputs))
          << r << ' ' << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(shapes, Dense,
                         testing::Values(Shape{1, 1, 1}, Shape{2, 15, 3}, Shape{5, 16, 4},
                                         Shape{8, 33, 10}, Shape{16, 200, 7}, Shape{7, 61, 9},
                                         Shape{32, 30, 13}));

TEST(Dense, gives_a_row_the_same_bits_in_any_batch) {
  constexpr std::size_t kRows = 13, kInputs = 100, kOutputs = 9;
  auto const x = random_values(kRows * kInputs, 0), weight = random_values(kOutputs * kInputs, 1);
  std::vector<float> together(kRows * kOutputs), alone(kOutputs);
  kernels::dense(x.data(), weight.data(), nullptr, kRows, kInputs, kOutputs, together.data());
  for (std::size_t r = 0; r < kRows; ++r) {
    kernels::dense(x.data() + r * kInputs, weight.data(), nullptr, 1, kInputs, kOutputs,
                   alone.data());
    for (std::size_t o = 0; o < kOutputs; ++o) EXPECT_EQ(alone[o], together[r * kOutputs + o]);
  }
}

}  // namespace
}  // namespace fedstrata
