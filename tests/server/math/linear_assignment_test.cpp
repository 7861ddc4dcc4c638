#include "server/math/linear_assignment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "common/base/error.hpp"
#include "common/base/random.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;
using Order = std::vector<std::int64_t>;
using Matrix = std::vector<double>;

Matrix random_matrix(std::int64_t n, std::uint64_t seed) {
  Random random(seed, Purpose::pairs);
  Matrix values(static_cast<std::size_t>(n * n));
  for (auto& v : values) v = random.normal();
  return values;
}

/// Few different values, so that many assignments are equally good.
Matrix coarse_matrix(std::int64_t n, std::uint64_t seed) {
  Random random(seed, Purpose::pairs);
  Matrix values(static_cast<std::size_t>(n * n));
  for (auto& v : values) v = static_cast<double>(random.below(4)) - 1.0;
  return values;
}

double total(Matrix const& values, Order const& order) {
  double sum = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    sum += values[i * order.size() + static_cast<std::size_t>(order[i])];
  }
  return sum;
}

double best_by_trying_all(Matrix const& values, std::int64_t n, Goal goal) {
  Order order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  double best = total(values, order);
  while (std::next_permutation(order.begin(), order.end())) {
    double const sum = total(values, order);
    best = goal == Goal::minimise ? std::min(best, sum) : std::max(best, sum);
  }
  return best;
}

bool is_permutation_of_all(Order order) {
  std::ranges::sort(order);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

TEST(linear_assignment, is_as_good_as_the_best_of_all_permutations) {
  for (std::int64_t n = 1; n <= 7; ++n) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      for (auto const& values : {random_matrix(n, seed), coarse_matrix(n, seed)}) {
        for (auto const goal : {Goal::minimise, Goal::maximise}) {
          auto const order = linear_assignment(values, n, goal);
          ASSERT_TRUE(is_permutation_of_all(order)) << n << " " << seed;
          EXPECT_NEAR(total(values, order), best_by_trying_all(values, n, goal), 1e-12)
              << n << " " << seed;
        }
      }
    }
  }
}

TEST(linear_assignment, prefers_the_whole_to_the_best_single_value) {
  Matrix const values{10, 9, 9, 1};  // greedily 10 + 1
  EXPECT_THAT(linear_assignment(values, 2, Goal::maximise), ElementsAre(1, 0));
  EXPECT_THAT(linear_assignment(values, 2, Goal::minimise), ElementsAre(0, 1));
}

TEST(linear_assignment, offsets_of_rows_and_columns_change_nothing) {
  constexpr std::int64_t kN = 60;
  auto values = random_matrix(kN, 1);
  auto const order = linear_assignment(values, kN, Goal::maximise);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] += 3.0 * static_cast<double>(i / kN) - 5.0 * static_cast<double>(i % kN);
  }
  EXPECT_EQ(linear_assignment(values, kN, Goal::maximise), order);
}

TEST(linear_assignment, finds_a_planted_permutation_and_no_exchange_of_two_improves) {
  constexpr std::int64_t kN = 300;
  Order planted(kN);
  std::iota(planted.begin(), planted.end(), 0);
  Random(2, Purpose::pairs).shuffle(planted);
  auto values = random_matrix(kN, 3);
  auto const free = linear_assignment(values, kN, Goal::minimise);
  for (std::size_t i = 0; i < kN; ++i) {
    for (std::size_t j = i + 1; j < kN; ++j) {
      auto const at = [&](std::size_t row, std::int64_t column) {
        return values[row * kN + static_cast<std::size_t>(column)];
      };
      ASSERT_LE(at(i, free[i]) + at(j, free[j]), at(i, free[j]) + at(j, free[i]) + 1e-12);
    }
  }
  for (std::size_t i = 0; i < kN; ++i) values[i * kN + static_cast<std::size_t>(planted[i])] += 50;
  EXPECT_EQ(linear_assignment(values, kN, Goal::maximise), planted);
}

TEST(linear_assignment, ties_are_resolved_the_same_way_each_time) {
  auto const values = coarse_matrix(80, 4);
  EXPECT_EQ(linear_assignment(values, 80, Goal::maximise),
            linear_assignment(values, 80, Goal::maximise));
}

TEST(linear_assignment, nothing_has_one_assignment) {
  EXPECT_TRUE(linear_assignment({}, 0, Goal::minimise).empty());
}

TEST(linear_assignment, refuses_what_is_no_square_of_finite_values) {
  EXPECT_THROW(linear_assignment(Matrix(5), 2, Goal::minimise), Error);
  for (double const bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(linear_assignment(Matrix{0, bad, 0, 0}, 2, Goal::minimise), Error);
  }
}

}  // namespace
}  // namespace fedstrata
