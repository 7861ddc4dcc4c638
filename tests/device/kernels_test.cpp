// Each loop against the plainest one in double, on lengths that leave remainders of every width.
#include "common/device/kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/base/random.hpp"

namespace fedstrata {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kLengths[] = {0, 1, 7, 8, 17, 63, 1000};

std::vector<float> random_row(std::size_t n, std::uint64_t stream, double scale = 1.0) {
  Random random(5, Purpose::initialization, stream);
  std::vector<float> row(n);
  for (auto& value : row) value = static_cast<float>(scale * random.normal());
  return row;
}

void expect_near(std::vector<float> const& row, std::vector<double> const& expected) {
  ASSERT_EQ(row.size(), expected.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    EXPECT_NEAR(row[i], expected[i], 1e-6 * (1.0 + std::abs(expected[i]))) << "element " << i;
  }
}

class SgdTest : public testing::TestWithParam<SgdStep> {};

TEST_P(SgdTest, update_is_the_textbook_step) {
  auto const step = GetParam();
  for (auto const n : kLengths) {
    auto w = random_row(n, 1), v = random_row(n, 2);
    auto const g = random_row(n, 3);
    std::vector<double> new_w, new_v;
    for (std::size_t i = 0; i < n; ++i) {
      double const gradient = g[i] + step.weight_decay * w[i];
      new_v.push_back(step.momentum * v[i] + gradient);
      new_w.push_back(w[i] -
                      step.lr * (step.nesterov ? gradient + step.momentum * new_v[i] : new_v[i]));
    }
    kernels::sgd_update(w, v, g, step);
    expect_near(w, new_w);
    expect_near(v, new_v);
  }
}

INSTANTIATE_TEST_SUITE_P(steps, SgdTest,
                         testing::Values(SgdStep{0.1}, SgdStep{0.1, 0.9}, SgdStep{0.1, 0.9, true},
                                         SgdStep{0.1, 0.9, false, 0.01},
                                         SgdStep{0.1, 0.9, true, 0.01}));

TEST(KernelsTest, apply_finishes_a_step_whose_gradient_is_already_in_the_momentum) {
  SgdStep const step{0.1, 0.9, false, 0.01};
  for (auto const n : kLengths) {
    auto w = random_row(n, 1), v = random_row(n, 2);
    std::vector<double> new_w, new_v;
    for (std::size_t i = 0; i < n; ++i) {
      new_v.push_back(v[i] + step.weight_decay * w[i]);
      new_w.push_back(w[i] - step.lr * new_v[i]);
    }
    kernels::sgd_apply(w, v, step);
    expect_near(w, new_w);
    expect_near(v, new_v);
  }
}

class AdamStepTest : public testing::TestWithParam<AdamStep> {};

TEST_P(AdamStepTest, update_is_the_textbook_step) {
  auto const step = GetParam();
  for (auto const n : kLengths) {
    auto w = random_row(n, 1), m = random_row(n, 2), v = random_row(n, 3);
    for (auto& value : v) value *= value;
    auto const g = random_row(n, 4);
    std::vector<double> new_w, new_m, new_v;
    for (std::size_t i = 0; i < n; ++i) {
      double const gradient = g[i] + (step.decoupled ? 0.0 : step.weight_decay * w[i]);
      double const kept = step.decoupled ? w[i] - step.lr * step.weight_decay * w[i] : w[i];
      new_m.push_back(step.beta1 * m[i] + (1.0 - step.beta1) * gradient);
      new_v.push_back(step.beta2 * v[i] + (1.0 - step.beta2) * gradient * gradient);
      double const mean = new_m[i] / (1.0 - std::pow(step.beta1, step.steps));
      double const square = new_v[i] / (1.0 - std::pow(step.beta2, step.steps));
      new_w.push_back(kept - step.lr * mean / (std::sqrt(square) + step.eps));
    }
    kernels::adam_update(w, m, v, g, step);
    expect_near(w, new_w);
    expect_near(m, new_m);
    expect_near(v, new_v);
  }
}

INSTANTIATE_TEST_SUITE_P(
    steps, AdamStepTest,
    testing::Values(AdamStep{.lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .steps = 3},
                    AdamStep{.lr = 0.01, .beta1 = 0.0, .beta2 = 0.9, .eps = 0.1, .steps = 2.5},
                    AdamStep{.lr = 0.01,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .weight_decay = 0.1,
                             .steps = 1e6},
                    AdamStep{.lr = 0.01,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .weight_decay = 0.1,
                             .decoupled = true,
                             .steps = 7}));

TEST(KernelsTest, a_difference_is_added) {
  for (auto const n : kLengths) {
    auto row = random_row(n, 1);
    auto const a = random_row(n, 2), b = random_row(n, 3);
    std::vector<double> expected;
    for (std::size_t i = 0; i < n; ++i) expected.push_back(row[i] + 0.3 * (a[i] - b[i]));
    kernels::add_difference(row, 0.3, a, b);
    expect_near(row, expected);
  }
}

TEST(KernelsTest, interpolation_is_exact_at_both_ends_and_between_equals) {
  for (auto const n : kLengths) {
    auto const a = random_row(n, 1, 1e3), b = random_row(n, 2, 1e-3);
    std::vector<float> out(n);
    kernels::interpolate(a, b, 0.0, out);
    EXPECT_EQ(out, a);
    kernels::interpolate(a, b, 1.0, out);
    EXPECT_EQ(out, b);
    for (double const alpha : {0.1, 0.3, 0.5, 0.7, 0.9}) {
      kernels::interpolate(a, a, alpha, out);
      EXPECT_EQ(out, a) << alpha;
      kernels::interpolate(a, b, alpha, out);
      for (std::size_t i = 0; i < n; ++i) {
        double const x = a[i], y = b[i];
        EXPECT_NEAR(out[i], x + alpha * (y - x), 3e-7 * (std::abs(x) + std::abs(y))) << alpha;
      }
    }
  }
}

TEST(KernelsTest, the_same_point_seen_from_either_end_has_the_same_bits) {
  auto const a = random_row(100, 1), b = random_row(100, 2);
  std::vector<float> there(100), back(100);
  for (double const alpha : {0.125, 0.25}) {
    kernels::interpolate(a, b, alpha, there);
    kernels::interpolate(b, a, 1.0 - alpha, back);
    EXPECT_EQ(there, back) << alpha;
  }
}

TEST(KernelsTest, normalization_scales_and_shifts_every_pixel_value) {
  std::vector<std::uint8_t> pixels(256);
  for (std::size_t i = 0; i < 256; ++i) pixels[i] = static_cast<std::uint8_t>(i);
  std::vector<float> out(256);
  kernels::normalize(pixels, 0.0078F, -1.5F, out);
  for (std::size_t i = 0; i < 256; ++i) {
    EXPECT_NEAR(out[i], static_cast<double>(i) * 0.0078F - 1.5, 1e-6);
  }
}

TEST(KernelsTest, largest_magnitude_sees_sign_infinity_and_nan) {
  EXPECT_EQ(kernels::max_magnitude({}), 0.0F);
  for (auto const n : {std::size_t{1}, std::size_t{9}, std::size_t{100}}) {
    for (std::size_t place = 0; place < n; place += 1 + n / 5) {
      auto row = random_row(n, 1);
      row[place] = -50.0F;
      EXPECT_EQ(kernels::max_magnitude(row), 50.0F);
      row[place] = -kInfinity;
      EXPECT_EQ(kernels::max_magnitude(row), kInfinity);
      row[(place + 1) % n] = kNan;
      EXPECT_TRUE(std::isnan(kernels::max_magnitude(row)));
      row[(place + 1) % n] = -kNan;
      EXPECT_TRUE(std::isnan(kernels::max_magnitude(row)));
    }
  }
}

TEST(KernelsTest, accumulation_rounds_each_addend_once_ties_to_even) {
  std::vector<float> const values = {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 0.49F, 3.0F, -7.75F, 0.0F};
  std::vector<std::int64_t> sums(values.size(), 10);
  EXPECT_TRUE(kernels::accumulate(values, 1.0, 8.0F, sums));
  EXPECT_EQ(sums, (std::vector<std::int64_t>{10, 12, 12, 10, 8, 10, 13, 2, 10}));
  for (auto const n : kLengths) {
    auto const row = random_row(n, 4);
    double const scale = std::ldexp(0.3, 36);
    std::vector<std::int64_t> packed(n, -5);
    EXPECT_TRUE(kernels::accumulate(row, scale, 100.0F, packed));
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_EQ(packed[i], -5 + static_cast<std::int64_t>(std::nearbyint(row[i] * scale)));
    }
  }
}

TEST(KernelsTest, the_largest_addend_allowed_is_still_exact) {
  // 2^14 above the reference, at 36 bits below it and weight 1: 2^50.
  std::vector<float> const values = {0x1p14F, -0x1p14F, 0x1.fffffep13F};
  std::vector<std::int64_t> sums(3, 0);
  EXPECT_TRUE(kernels::accumulate(values, 0x1p36, 0x1p14F, sums));
  EXPECT_EQ(sums[0], std::int64_t{1} << 50);
  EXPECT_EQ(sums[1], -(std::int64_t{1} << 50));
  EXPECT_EQ(sums[2], std::int64_t{0xffffff} << 26);
}

TEST(KernelsTest, what_cannot_be_added_is_reported_and_undone_exactly) {
  for (float const bad : {kNan, -kNan, kInfinity, -kInfinity, 100.5F, -3e38F}) {
    for (auto const n : {std::size_t{1}, std::size_t{9}, std::size_t{1000}}) {
      for (auto const place : {std::size_t{0}, n / 2, n - 1}) {
        auto row = random_row(n, 6);
        row[place] = bad;
        std::vector<std::int64_t> sums(n);
        for (std::size_t i = 0; i < n; ++i) sums[i] = static_cast<std::int64_t>(i * i) - 77;
        auto const before = sums;
        EXPECT_FALSE(kernels::accumulate(row, 0x1p40, 100.0F, sums)) << bad;
        kernels::subtract(row, 0x1p40, sums);
        EXPECT_EQ(sums, before) << bad;
      }
    }
  }
}

TEST(KernelsTest, mean_is_sum_times_quantum_by_divisor) {
  std::vector<std::int64_t> const sums = {0, 1, -1, 6, std::int64_t{1} << 50, -12345678901};
  std::vector<float> out(sums.size());
  kernels::finish_mean(sums, 0x1p-36, 0.75, out);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    double const mean = static_cast<double>(sums[i]) * 0x1p-36 / 0.75;
    EXPECT_NEAR(out[i], mean, 1e-7 * std::abs(mean));
  }
  kernels::finish_mean(sums, 0x1p-36, 1.0, out);
  EXPECT_EQ(out[4], 0x1p14F);
}

TEST(KernelsTest, products_are_those_of_double) {
  for (auto const n : kLengths) {
    auto const a = random_row(n, 1), b = random_row(n, 2);
    kernels::PairSums expected;
    for (std::size_t i = 0; i < n; ++i) {
      double const x = a[i], y = b[i];
      expected.aa += x * x;
      expected.bb += y * y;
      expected.ab += x * y;
      expected.distance2 += (x - y) * (x - y);
    }
    auto const sums = kernels::pair_sums(a, b);
    auto const size = static_cast<double>(n);
    EXPECT_NEAR(sums.aa, expected.aa, 1e-13 * size);
    EXPECT_NEAR(sums.bb, expected.bb, 1e-13 * size);
    EXPECT_NEAR(sums.ab, expected.ab, 1e-13 * size);
    EXPECT_NEAR(sums.distance2, expected.distance2, 1e-13 * size);
    EXPECT_EQ(kernels::pair_sums(a, a).distance2, 0.0);
  }
}

}  // namespace
}  // namespace fedstrata
