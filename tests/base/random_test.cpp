#include "common/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace fedstrata {
namespace {

using Block = std::array<std::uint32_t, 4>;

// Mean and variance of `count` numbers drawn by `draw`.
template <class Draw>
std::pair<double, double> moments(int count, Draw draw) {
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < count; ++i) {
    double const x = draw();
    sum += x;
    squares += x * x;
  }
  double const mean = sum / count;
  return {mean, squares / count - mean * mean};
}

// The known-answer vectors published with Random123.
TEST(RandomTest, philox_gives_the_known_answers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomTest, same_arguments_give_the_same_numbers) {
  Random a(7, Purpose::shuffle, 3, 11), b(7, Purpose::shuffle, 3, 11);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(a.next(), b.next());
}

TEST(RandomTest, every_argument_makes_another_stream) {
  std::set<std::uint64_t> first;
  std::size_t streams = 0;
  for (std::uint64_t seed : {0u, 1u, 2u})
    for (auto purpose : {Purpose::initialization, Purpose::shuffle, Purpose::pairs})
      for (std::uint64_t client = 0; client < 30; ++client)
        for (std::uint64_t round = 0; round < 30; ++round, ++streams)
          first.insert(Random(seed, purpose, client, round).next());
  EXPECT_EQ(first.size(), streams);
  EXPECT_NE(Random(1, Purpose::shuffle, 2, 3).next(), Random(1, Purpose::shuffle, 3, 2).next());
}

// These numbers are part of every result ever stored: a change of them is a change of format.
TEST(RandomTest, stream_is_what_it_always_was) {
  Random random(1, Purpose::initialization);
  EXPECT_EQ(random.next(), 0xbcf13bf27b7d9a95u);
  EXPECT_EQ(random.next(), 0xf545d29252afd5b3u);
  EXPECT_EQ(random.next(), 0x35eceeac8989b0d4u);
}

TEST(RandomTest, uniform_stays_in_its_interval) {
  Random random(1, Purpose::shuffle);
  auto const [mean, variance] = moments(100000, [&] {
    double const x = random.uniform();
    EXPECT_TRUE(x >= 0.0 && x < 1.0);
    return x;
  });
  EXPECT_NEAR(mean, 0.5, 0.005);
  EXPECT_NEAR(variance, 1.0 / 12.0, 0.002);
}

TEST(RandomTest, normal_has_normal_moments_and_tails) {
  Random random(2, Purpose::initialization);
  int beyond_two = 0;
  double fourth = 0.0;
  constexpr int kCount = 200000;
  auto const [mean, variance] = moments(kCount, [&] {
    double const x = random.normal();
    beyond_two += std::abs(x) > 2.0;
    fourth += x * x * x * x;
    return x;
  });
  EXPECT_NEAR(mean, 0.0, 0.01);
  EXPECT_NEAR(variance, 1.0, 0.02);
  EXPECT_NEAR(fourth / kCount, 3.0, 0.1);
  EXPECT_NEAR(beyond_two / double{kCount}, 0.0455, 0.002);
}

TEST(RandomTest, gamma_has_mean_and_variance_equal_to_its_shape) {
  for (double const shape : {0.1, 0.5, 1.0, 2.5, 100.0}) {
    Random random(3, Purpose::partition);
    auto const [mean, variance] = moments(200000, [&] { return random.gamma(shape); });
    EXPECT_NEAR(mean, shape, 0.03 * shape) << shape;
    EXPECT_NEAR(variance, shape, 0.06 * shape) << shape;
  }
}

TEST(RandomTest, log_gamma_is_finite_where_gamma_underflows) {
  for (double const shape : {1e-6, 0.01, 1.0, 1e6, 1e12}) {
    Random random(4, Purpose::partition);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(std::isfinite(random.log_gamma(shape))) << shape;
  }
}

TEST(RandomTest, below_is_uniform_also_for_awkward_bounds) {
  Random random(5, Purpose::participation);
  std::vector<int> count(7);
  for (int i = 0; i < 70000; ++i) ++count.at(random.below(7));
  for (int const c : count) EXPECT_NEAR(c, 10000, 500);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0u);
  // Without rejection five eighths of the numbers would fall into the lower half.
  std::uint64_t const awkward = (std::uint64_t{3} << 62);
  int lower = 0;
  for (int i = 0; i < 10000; ++i) {
    auto const value = random.below(awkward);
    ASSERT_LT(value, awkward);
    lower += value < awkward / 2;
  }
  EXPECT_NEAR(lower, 5000, 300);
}

TEST(RandomTest, shuffle_permutes_and_favours_no_place) {
  Random random(6, Purpose::shuffle);
  std::vector<std::vector<int>> at(5, std::vector<int>(5));
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::int64_t> values(5);
    std::iota(values.begin(), values.end(), 0);
    random.shuffle(values);
    ASSERT_EQ(std::set(values.begin(), values.end()).size(), 5u);
    for (std::size_t place = 0; place < 5; ++place)
      ++at[place][static_cast<std::size_t>(values[place])];
  }
  for (auto const& place : at)
    for (int const c : place) EXPECT_NEAR(c, 4000, 300);
  random.shuffle({});
}

}  // namespace
}  // namespace fedstrata
