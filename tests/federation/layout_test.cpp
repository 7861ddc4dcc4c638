#include "common/federation/layout.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;

TEST(LayoutTest, one_rank_does_everything) {
  auto const layout = assign_roles(1, 1);
  EXPECT_THAT(layout.clients, ElementsAre(0));
  EXPECT_THAT(layout.analysis, ElementsAre(0));
  EXPECT_TRUE(layout.trains(0) && layout.analyses(0) && layout.computes(0));
}

TEST(LayoutTest, two_ranks_fold_analysis_onto_the_coordinator) {
  for (int const analysis : {0, 1, 5}) {
    auto const layout = assign_roles(2, analysis);
    EXPECT_THAT(layout.clients, ElementsAre(1));
    EXPECT_THAT(layout.analysis, ElementsAre(0));
  }
}

TEST(LayoutTest, last_ranks_analyse) {
  auto const layout = assign_roles(7, 2);
  EXPECT_THAT(layout.clients, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(layout.analysis, ElementsAre(5, 6));
  EXPECT_FALSE(layout.computes(0));
  EXPECT_EQ(layout.client_index(3), 2);
  EXPECT_EQ(layout.client_index(0), -1);
  EXPECT_EQ(layout.client_index(5), -1);
}

TEST(LayoutTest, coordinator_writes_where_no_rank_analyses) {
  auto const layout = assign_roles(4, 0);
  EXPECT_THAT(layout.clients, ElementsAre(1, 2, 3));
  EXPECT_THAT(layout.analysis, ElementsAre(0));
}

TEST(LayoutTest, a_world_without_room_is_refused) {
  EXPECT_NO_THROW(assign_roles(3, 1));
  EXPECT_THROW(assign_roles(3, 2), InputError);
  EXPECT_THROW(assign_roles(4, -1), InputError);
}

TEST(LayoutTest, every_rank_has_a_role_and_every_world_a_client_rank) {
  for (int world = 1; world <= 9; ++world) {
    for (int analysis = 0; analysis <= std::max(0, world - 2); ++analysis) {
      auto const layout = assign_roles(world, analysis);
      EXPECT_FALSE(layout.clients.empty());
      EXPECT_FALSE(layout.analysis.empty());
      for (int rank = 1; rank < world; ++rank)
        EXPECT_NE(layout.trains(rank), layout.analyses(rank));
    }
  }
}

TEST(HostClientsTest, longest_first_to_the_least_loaded) {
  std::vector<std::int64_t> const samples = {10, 70, 30, 40, 30};
  // 70 -> 0, 40 -> 1, 30 (client 2) -> 1, then 70:70, rank 0 takes 30 (client 4), rank 1 the 10.
  EXPECT_THAT(host_clients(samples, 2), ElementsAre(1, 0, 1, 1, 0));
}

TEST(HostClientsTest, equal_clients_are_spread_evenly_in_order) {
  std::vector<std::int64_t> const samples(6, 5);
  EXPECT_THAT(host_clients(samples, 3), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(HostClientsTest, load_differs_by_at_most_the_largest_client) {
  std::vector<std::int64_t> samples(100'000);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = 1 + static_cast<std::int64_t>(i * 7919 % 601);
  }
  auto const hosts = host_clients(samples, 7);
  std::vector<std::int64_t> load(7);
  for (std::size_t i = 0; i < samples.size(); ++i)
    load[static_cast<std::size_t>(hosts[i])] += samples[i];
  auto const [least, most] = std::minmax_element(load.begin(), load.end());
  EXPECT_LE(*most - *least, 601);
}

}  // namespace
}  // namespace fedstrata
