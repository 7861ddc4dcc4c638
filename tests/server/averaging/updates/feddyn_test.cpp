// The server's part of FedDyn: numbers worked out by hand; whole rounds are in
// federation/algorithms.
#include <gtest/gtest.h>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(FedDynUpdate, follows_its_equations) {
  auto const update = make_feddyn_update(0.5);
  ASSERT_EQ(update.fields.size(), 1U);
  std::vector<float> h(1, update.fields[0].initial);
  UpdateRound const round{.clients = 4, .weights = {0.5, 0.5}, .steps = {1.0, 1.0}};
  std::vector<float> x = {1.0F};
  std::vector<float> values = {2.0F};  // D = 1, of half of the clients
  update.apply({.before = x, .values = values, .state = {h}, .round = &round});
  EXPECT_EQ(h[0], -0.25F);
  EXPECT_EQ(values[0], 2.5F);
  x = values;
  values = {1.5F};  // D = -1
  update.apply({.before = x, .values = values, .state = {h}, .round = &round});
  EXPECT_EQ(h[0], 0.0F);
  EXPECT_EQ(values[0], 1.5F);
}

}  // namespace
}  // namespace fedstrata
