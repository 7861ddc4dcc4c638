#include "server/plan/pairs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace fedstrata {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Pair> pairs_of(std::string const& text, std::vector<std::int64_t> const& participants,
                           std::int64_t round = 1) {
  return select_pairs(parse_pairs(text), participants, 7, round);
}

TEST(pairs, all_are_every_two_participants) {
  EXPECT_THAT(pairs_of("all", {1, 4, 6}), ElementsAre(Pair{1, 4}, Pair{1, 6}, Pair{4, 6}));
  EXPECT_THAT(pairs_of("all", {3}), IsEmpty());
}

TEST(pairs, ring_closes_only_when_it_adds_a_pair) {
  EXPECT_THAT(pairs_of("ring", {1, 4, 6}), ElementsAre(Pair{1, 4}, Pair{4, 6}, Pair{6, 1}));
  EXPECT_THAT(pairs_of("ring", {1, 4}), ElementsAre(Pair{1, 4}));
  EXPECT_THAT(pairs_of("ring", {}), IsEmpty());
}

TEST(pairs, random_draws_distinct_pairs_of_participants) {
  std::vector<std::int64_t> ids(40);
  std::iota(ids.begin(), ids.end(), 100);
  auto const drawn = pairs_of("random:300", ids);
  EXPECT_EQ(std::set(drawn.begin(), drawn.end()).size(), 300u);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  for (auto const& [a, b] : drawn) {
    EXPECT_LT(a, b);
    EXPECT_TRUE(a >= 100 && b < 140);
  }
  EXPECT_EQ(drawn, pairs_of("random:300", ids));
  EXPECT_NE(drawn, pairs_of("random:300", ids, 2)) << "each round draws anew";
}

TEST(pairs, random_reaches_every_pair) {
  std::set<Pair> seen;
  for (std::int64_t round = 0; round < 200; ++round) {
    for (auto const& pair : pairs_of("random:1", {0, 1, 2, 3}, round)) seen.insert(pair);
  }
  EXPECT_EQ(seen.size(), 6u);
}

TEST(pairs, random_takes_all_when_there_are_fewer) {
  EXPECT_EQ(pairs_of("random:9", {2, 3, 5}), pairs_of("all", {2, 3, 5}));
}

TEST(pairs, listed_keep_their_order_and_direction) {
  EXPECT_THAT(pairs_of(" 5-2, 0-1 ,5-2", {0, 1, 2, 5}), ElementsAre(Pair{5, 2}, Pair{0, 1}));
}

TEST(pairs, listed_without_a_participant_are_skipped_with_the_reason) {
  auto const selection = parse_pairs("0-1,0-2,3-4");
  std::vector<std::int64_t> const participants{0, 2};
  EXPECT_THAT(select_pairs(selection, participants, 1, 9), ElementsAre(Pair{0, 2}));
  auto const skipped = skipped_pairs(selection, participants, 9);
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_EQ(skipped[0].b, 1);
  EXPECT_EQ(skipped[0].reason.str(), "client 1 did not take part in round 9");
  EXPECT_EQ(skipped[1].reason.str(), "client 3 did not take part in round 9");
}

TEST(pairs, a_lone_participant_is_reported) {
  std::vector<std::int64_t> const one{4};
  EXPECT_EQ(skipped_pairs(parse_pairs("ring"), one, 2).size(), 1u);
  EXPECT_THAT(skipped_pairs(parse_pairs("clients"), one, 2), IsEmpty());
}

TEST(pairs, each_with_the_mean_or_its_start) {
  std::vector<std::int64_t> const ids{1, 4};
  EXPECT_EQ(select_pairs(parse_pairs("mean"), ids, 1, 3),
            (std::vector<Pair>{{1, kMean}, {4, kMean}}));
  EXPECT_EQ(select_pairs(parse_pairs("initial"), ids, 1, 3),
            (std::vector<Pair>{{1, kInitialisation}, {4, kInitialisation}}));
}

TEST(pairs, partners_of_another_round_or_run) {
  std::vector<std::int64_t> const ids{1, 4, 6}, there{1, 2, 6};
  auto const round = parse_pairs("round:5");
  EXPECT_EQ(round.count, 5);
  EXPECT_EQ(select_pairs(round, ids, 1, 8, there), (std::vector<Pair>{{1, 1}, {6, 6}}));
  auto const skipped = skipped_pairs(round, ids, 8, there);
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_EQ(skipped[0].a, 4);
  auto const all = parse_pairs("all");
  EXPECT_EQ(select_pairs(all, ids, 1, 8, there).size(), 9u);
  auto const some = select_pairs(parse_pairs("random:4"), ids, 1, 8, there);
  EXPECT_EQ(some.size(), 4u);
  EXPECT_EQ(select_pairs(parse_pairs("4-2,6-1"), ids, 1, 8, there),
            (std::vector<Pair>{{4, 2}, {6, 1}}));
  EXPECT_EQ(select_pairs(parse_pairs("same"), ids, 1, 8, there),
            (std::vector<Pair>{{1, 1}, {6, 6}}));
}

}  // namespace
}  // namespace fedstrata
