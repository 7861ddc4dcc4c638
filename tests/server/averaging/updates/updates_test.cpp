// Which updates there are, and what is refused.
#include "server/averaging/updates/updates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/error.hpp"
#include "common/federation/mean_weights.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

std::string refusal(AverageGroup const& group) {
  try {
    make_update(group);
  } catch (InputError const& error) {
    return error.what();
  }
  return "";
}

TEST(Updates, the_default_is_the_mean_and_keeps_nothing) {
  auto const update = make_update({});
  EXPECT_FALSE(update.apply);
  EXPECT_TRUE(update.fields.empty());
}

TEST(Updates, each_listed_one_can_be_made_and_has_a_state_for_its_fields) {
  for (auto const& entry : kUpdates) {
    auto const update = make_update({.update = entry.name});
    EXPECT_EQ(update.is_mean(), std::string(entry.name) == "mean");
    EXPECT_TRUE(update.fields.empty() || update.apply) << entry.name;
    EXPECT_EQ(asks_for_distances(entry.name), static_cast<bool>(update.factor)) << entry.name;
    bool const has_rate = std::ranges::find(update.keys, "update_lr") != update.keys.end();
    EXPECT_EQ(has_learning_rate(entry.name), has_rate) << entry.name;
  }
}

TEST(Updates, an_unknown_one_is_refused_with_the_nearest) {
  auto const text = refusal({.name = "head", .update = "adm"});
  EXPECT_THAT(text, HasSubstr("average.head.update = adm is unknown"));
  EXPECT_THAT(text, HasSubstr("adam"));
  EXPECT_THAT(text, HasSubstr("momentum"));
}

TEST(Updates, a_setting_without_a_meaning_is_refused) {
  EXPECT_THAT(
      refusal({.update_lr = 0.5}),
      HasSubstr("average.all.update_lr = 0.5 has no meaning with average.all.update = mean"));
  EXPECT_THAT(refusal({.update = "momentum", .update_tau = 0.5}), HasSubstr("update_beta1"));
  EXPECT_THAT(refusal({.every = 0, .update = "adam"}), HasSubstr("never averages"));
  EXPECT_EQ(refusal({.update = "adam", .update_lr = 0.1, .update_tau = 0.5}), "");
}

}  // namespace
}  // namespace fedstrata
