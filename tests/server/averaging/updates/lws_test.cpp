// FedLWS: numbers worked out by hand; whole rounds are in federation/algorithms.
#include <gtest/gtest.h>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {
namespace {

TEST(LwsUpdate, shrinks_a_layer_by_how_far_it_goes_and_how_far_clients_are_apart) {
  auto const update =
      make_update({.update = "lws", .update_beta = 0.5, .update_lo = 0.125, .update_hi = 0.75});
  EXPECT_TRUE(update.fields.empty() && !update.apply && !update.is_mean());
  auto const factor = [&](double distance) {
    return update.factor({.before = 3.0, .change = 2.0, .distance = distance});
  };
  EXPECT_EQ(factor(1.0), 3.0 / (3.0 + 0.5 * 2.0));
  EXPECT_EQ(factor(0.01), 3.0 / (3.0 + 0.125 * 2.0));
  EXPECT_EQ(factor(100.0), 3.0 / (3.0 + 0.75 * 2.0));
}

TEST(LwsUpdate, leaves_alone_what_stays_or_is_not_to_shrink) {
  auto const update = make_update({.update = "lws", .update_lo = 0.0});
  EXPECT_EQ(update.factor({.before = 0.0, .change = 0.0, .distance = 0.0}), 1.0);
  EXPECT_EQ(update.factor({.before = 2.0, .change = 5.0, .distance = 0.0}), 1.0);
}

}  // namespace
}  // namespace fedstrata
