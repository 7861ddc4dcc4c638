// FedNova: numbers worked out by hand; whole rounds are in federation/algorithms.
#include <gtest/gtest.h>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(NovaUpdate, goes_beyond_the_mean_of_normalised_steps) {
  auto const update = make_update({.update = "nova"});
  EXPECT_TRUE(update.fields.empty());
  UpdateRound const round{.clients = 5, .weights = {0.25, 0.75}, .steps = {2.0, 6.0}};
  // tau = 0.5 + 4.5, sum w / a = 0.125 + 0.125: a way of 1 becomes 1.25
  std::vector<float> const before = {1.0F, 4.0F};
  std::vector<float> values = {3.0F, 4.0F};
  update.apply({.before = before, .values = values, .round = &round});
  EXPECT_EQ(values, (std::vector<float>{3.5F, 4.0F}));
}

TEST(NovaUpdate, is_the_mean_to_the_bit_where_all_do_as_many_steps) {
  auto const update = make_update({.update = "nova"});
  UpdateRound const round{.clients = 3, .weights = {0.1, 0.2, 0.7}, .steps = {7.0, 7.0, 7.0}};
  std::vector<float> const before = {1.0F}, mean = {0x1.234567p-3F};
  auto values = mean;
  update.apply({.before = before, .values = values, .round = &round});
  EXPECT_EQ(values, mean);
}

}  // namespace
}  // namespace fedstrata
