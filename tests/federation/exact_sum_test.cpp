// Means whose bits depend on nothing but their addends. Runs on any number of ranks.
#include "common/federation/exact_sum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/base/random.hpp"

namespace fedstrata {
namespace {

using Row = std::vector<float>;

/// Rows of several parts whose magnitudes differ by `spread` each.
struct Rows {
  PackedParts parts;
  Row reference;
  std::vector<Row> clients;
  std::vector<double> weights;

  Rows(std::vector<std::int64_t> const& sizes, std::size_t count, double spread = 1.0) {
    std::int64_t offset = 3;  // parts need not cover the row
    std::vector<StatePart> slices;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      slices.push_back({static_cast<int>(i), {offset, sizes[i]}});
      offset += sizes[i] + 2;
    }
    parts = PackedParts(slices);
    Random random(11, Purpose::initialization);
    for (std::size_t c = 0; c <= count; ++c) {
      Row row(static_cast<std::size_t>(offset), 0.0F);
      double scale = 1.0;
      for (auto const& part : parts) {
        for (std::int64_t i = 0; i < part.slice.size; ++i) {
          row[static_cast<std::size_t>(part.slice.offset + i)] =
              static_cast<float>(scale * (random.uniform() - 0.5));
        }
        scale *= spread;
      }
      (c == 0 ? reference : clients.emplace_back()) = row;
      if (c > 0) weights.push_back(random.uniform() + 0.1);
    }
    double const total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (auto& weight : weights) weight /= total;
  }

  Row mean_in_order(std::vector<std::size_t> const& order) const {
    ExactSum sum;
    sum.start(parts, reference);
    for (auto const c : order) EXPECT_EQ(sum.add(clients[c], weights[c]), -1);
    Row mean(static_cast<std::size_t>(parts.size()));
    sum.finish(0, {1.0}, mean);
    return mean;
  }
  std::vector<std::size_t> ids() const {
    std::vector<std::size_t> order(clients.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
  }
  /// The same over `comm`, client c on the rank that `rank_of` says.
  template <class RankOf>
  Row distributed_mean(mpi::Comm const& comm, RankOf const& rank_of) const {
    ExactSum sum;
    sum.start(parts, reference);
    for (std::size_t c = 0; c < clients.size(); ++c) {
      if (rank_of(c) == comm.rank()) sum.add(clients[c], weights[c]);
    }
    Row mean(static_cast<std::size_t>(parts.size()));
    sum.average(
        comm, [] { return std::vector{1.0}; }, mean);
    return mean;
  }
};

/// 2^(e-36), 2^e the power of two above the part's largest magnitude, which is at least 2^-6.
double quantum(Row const& reference, StatePart const& part) {
  double largest = 0x1p-6;
  for (std::int64_t i = 0; i < part.slice.size; ++i) {
    double const value = reference[static_cast<std::size_t>(part.slice.offset + i)];
    largest = std::max(largest, std::abs(value));
  }
  return std::exp2(std::floor(std::log2(largest)) + 1 - 36);
}

TEST(ExactSumTest, mean_is_within_half_a_quantum_a_participant) {
  Rows const rows({40, 1, 7, 300}, 9, 1e-3);
  auto const mean = rows.mean_in_order(rows.ids());
  std::size_t packed = 0;
  for (auto const& part : rows.parts) {
    double const bound = 9 * quantum(rows.reference, part) / 2;
    for (std::int64_t i = 0; i < part.slice.size; ++i, ++packed) {
      long double exact = 0.0L;
      for (std::size_t c = 0; c < 9; ++c) {
        exact += static_cast<long double>(rows.weights[c]) *
                 rows.clients[c][static_cast<std::size_t>(part.slice.offset + i)];
      }
      double const rounding = std::abs(static_cast<double>(exact)) * 0x1p-24;  // to float
      ASSERT_NEAR(mean[packed], static_cast<double>(exact), bound + rounding) << part.layer;
    }
  }
}

TEST(ExactSumTest, a_small_part_keeps_its_precision_beside_a_large_one) {
  Rows const rows({10, 10}, 4, 0x1p-20);
  Rows alone = rows;
  alone.parts = PackedParts({rows.parts[1]});
  auto const both = rows.mean_in_order(rows.ids());
  EXPECT_EQ(Row(both.begin() + 10, both.end()), alone.mean_in_order(rows.ids()));
  EXPECT_EQ(quantum(rows.reference, rows.parts[1]), 0x1p-41);  // 2^-6 is the least magnitude
}

TEST(ExactSumTest, every_order_gives_the_same_bits) {
  Rows const rows({31, 64}, 5);
  auto order = rows.ids();
  auto const expected = rows.mean_in_order(order);
  do {
    ASSERT_EQ(rows.mean_in_order(order), expected);
  } while (std::ranges::next_permutation(order).found);
}

TEST(ExactSumTest, every_placement_gives_the_same_bits_on_every_rank) {
  auto const world = mpi::Comm::world();
  Rows const rows({33, 5, 128}, 11, 1e3);
  auto const expected = rows.mean_in_order(rows.ids());
  auto const size = static_cast<std::size_t>(world.size());
  EXPECT_EQ(rows.distributed_mean(world, [](std::size_t) { return 0; }), expected);
  EXPECT_EQ(rows.distributed_mean(world, [&](std::size_t c) { return static_cast<int>(c % size); }),
            expected);
  EXPECT_EQ(rows.distributed_mean(
                world, [&](std::size_t c) { return static_cast<int>((c * 7 / 3 + 1) % size); }),
            expected);
  EXPECT_EQ(rows.distributed_mean(world, [&](std::size_t) { return static_cast<int>(size) - 1; }),
            expected);
}

TEST(ExactSumTest, rows_longer_than_a_bucket_are_averaged_whole) {
  auto const world = mpi::Comm::world();
  std::int64_t const bucket = std::int64_t{1} << 19;
  Rows const rows({bucket - 1, 5, bucket + 3}, 2);  // parts end inside buckets, not at their ends
  auto const mean = rows.distributed_mean(
      world, [&](std::size_t c) { return static_cast<int>(c) % world.size(); });
  EXPECT_TRUE(mean == rows.mean_in_order(rows.ids()));
}

TEST(ExactSumTest, equal_rows_keep_their_bits) {
  Rows rows({50, 50}, 8, 1e-2);
  for (auto& client : rows.clients) client = rows.reference;
  rows.weights.assign(8, 0.125);
  Row expected(100);
  rows.parts.pack(rows.reference, expected);
  auto const mean = rows.mean_in_order(rows.ids());
  double const largest = std::ranges::max(rows.reference);
  for (std::size_t i = 0; i < 50; ++i) {
    if (std::abs(expected[i]) <= 0x1p-8 * largest) continue;  // has bits below the quantum
    EXPECT_EQ(mean[i], expected[i]) << i;
  }
}

TEST(ExactSumTest, a_row_of_zeros_has_a_quantum) {
  ExactSum sum;
  sum.start(PackedParts(std::vector<StatePart>{{0, {0, 3}}}), Row{0.0F, 0.0F, 0.0F});
  EXPECT_EQ(sum.add(Row{0.25F, -100.0F, 0x1p-41F}, 1.0), -1);  // up to 2^14 times 2^-5
  Row mean(3);
  sum.finish(0, {1.0}, mean);
  EXPECT_EQ(mean, (Row{0.25F, -100.0F, 0x1p-41F}));
  EXPECT_EQ(sum.add(Row{0.0F, 513.0F, 0.0F}, 1.0), 0);
}

TEST(ExactSumTest, a_part_may_say_how_large_it_becomes) {
  ExactSum sum;
  StatePart const counts = {.layer = 0, .slice = {0, 2}, .least_magnitude = 0x1p20F};
  sum.start(PackedParts(std::vector{counts}), Row{0.0F, 0.0F});
  EXPECT_EQ(sum.add(Row{100000.0F, 7.0F}, 0.25), -1);  // 2^9 would be the end otherwise
  EXPECT_EQ(sum.add(Row{200000.0F, 7.0F}, 0.75), -1);
  Row mean(2);
  sum.finish(0, {1.0}, mean);
  EXPECT_EQ(mean, (Row{175000.0F, 7.0F}));
}

TEST(ExactSumTest, a_diverged_client_is_named_by_layer_and_leaves_no_trace) {
  Rows const rows({20, 30, 40}, 3);
  ExactSum sum;
  sum.start(rows.parts, rows.reference);
  sum.add(rows.clients[0], rows.weights[0]);
  std::vector<std::int64_t> const before(sum.sums().begin(), sum.sums().end());
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(), -1e30F, 0x1p15F}) {
    for (auto const& part : rows.parts) {
      auto row = rows.clients[1];
      row[static_cast<std::size_t>(part.slice.offset + part.slice.size - 1)] = bad;
      EXPECT_EQ(sum.add(row, rows.weights[1]), part.layer) << bad;
      EXPECT_TRUE(std::ranges::equal(sum.sums(), before)) << bad;
    }
  }
}

TEST(ExactSumTest, what_lies_outside_the_parts_is_not_looked_at) {
  Rows rows({4}, 1);
  rows.clients[0][0] = std::numeric_limits<float>::quiet_NaN();
  rows.reference[0] = std::numeric_limits<float>::infinity();
  rows.weights = {1.0};
  for (float const value : rows.mean_in_order({0})) EXPECT_TRUE(std::isfinite(value));
}

TEST(ExactSumTest, root_divides_by_what_the_others_left) {
  auto const world = mpi::Comm::world();
  ExactSum sum;
  sum.start(PackedParts(std::vector<StatePart>{{0, {0, 2}}}), Row{1.0F, 1.0F});
  if (world.rank() == world.size() - 1) sum.add(Row{0.5F, -1.0F}, 0.25);
  int asked = 0;
  Row mean(2);
  sum.average(
      world, [&] { return ++asked, std::vector{0.25}; }, mean);
  EXPECT_EQ(mean, (Row{0.5F, -1.0F}));
  EXPECT_EQ(asked, world.rank() == 0 ? 1 : 0);
}

TEST(ExactSumTest, parts_have_weights_of_their_own) {
  auto const world = mpi::Comm::world();
  std::vector<StatePart> slices(2);
  slices[0] = {.layer = 0, .slice = {0, 2}};
  slices[1] = {.layer = 1, .slice = {2, 1}, .weighting = 1};
  Row const reference(3, 1.0F);
  ExactSum sum;
  sum.start(PackedParts(slices), reference);
  bool const last = world.rank() == world.size() - 1;
  if (last) {
    EXPECT_EQ(sum.add(Row{1.0F, 2.0F, 3.0F}, std::vector{0.25, 0.5}), -1);
    EXPECT_EQ(sum.add(Row{2.0F, 4.0F, 8.0F}, std::vector{0.5, 0.25}), -1);
    std::vector<std::int64_t> const before(sum.sums().begin(), sum.sums().end());
    Row const bad = {1.0F, 1.0F, std::numeric_limits<float>::infinity()};
    EXPECT_EQ(sum.add(bad, std::vector{0.25, 0.25}), 1);  // what was added of it is taken back
    EXPECT_TRUE(std::ranges::equal(sum.sums(), before));
  }
  Row mean(3);
  sum.average(
      world,
      [] {
        return std::vector{0.75, 0.5};
      },
      mean);
  EXPECT_FLOAT_EQ(mean[0], 1.25F / 0.75F);
  EXPECT_FLOAT_EQ(mean[1], 2.5F / 0.75F);
  EXPECT_EQ(mean[2], 7.0F);
}

TEST(ExactSumTest, no_parts_at_all_are_no_trouble) {
  auto const world = mpi::Comm::world();
  ExactSum sum;
  sum.start({}, Row{1.0F});
  EXPECT_EQ(sum.add(Row{2.0F}, 1.0), -1);
  int asked = 0;
  sum.average(world, [&] { return ++asked, std::vector{1.0}; }, {});
  EXPECT_EQ(asked, world.rank() == 0 ? 1 : 0);  // exclusions are collected in every round
}

TEST(ExactSumTest, start_forgets_the_round_before) {
  Rows const rows({12}, 2);
  ExactSum sum;
  sum.start(rows.parts, rows.reference);
  sum.add(rows.clients[0], 1.0);
  sum.start(rows.parts, rows.reference);
  for (auto const value : sum.sums()) EXPECT_EQ(value, 0);
}

}  // namespace
}  // namespace fedstrata
