#include "common/federation/schedule.hpp"

#include <gmock/gmock.h>

#include <numbers>
#include <set>

#include "common/base/error.hpp"
#include "common/config/presets.hpp"
#include "tests/support/refusal.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// conv1, norm1, block.conv2, fc1, fc2; layer i has 10 (i + 1) parameters, norm1 also 4 buffers.
LayerTable table() {
  LayerTable result;
  std::vector<std::pair<char const*, LayerType>> const layers = {{"conv1", LayerType::conv},
                                                                 {"norm1", LayerType::norm},
                                                                 {"block.conv2", LayerType::conv},
                                                                 {"fc1", LayerType::linear},
                                                                 {"fc2", LayerType::linear}};
  for (auto const& [name, type] : layers) {
    Layer layer;
    layer.name = name;
    layer.type = type;
    layer.parameters.size = 10 * (static_cast<std::int64_t>(result.layers.size()) + 1);
    layer.buffers.size = type == LayerType::norm ? 4 : 0;
    result.layers.push_back(layer);
  }
  return result;
}

std::vector<int> select(std::string const& selectors) {
  return select_layers(selectors, table(), {}, "key");
}

Config groups(std::vector<AverageGroup> average, std::int64_t rounds = 10) {
  Config config;
  config.average = std::move(average);
  config.federation.rounds = rounds;
  return config;
}

AverageGroup group(std::string name, std::string layers, std::int64_t every) {
  AverageGroup result;
  result.name = std::move(name);
  result.layers = std::move(layers);
  result.every = every;
  return result;
}

TEST(SelectorTest, each_form) {
  EXPECT_THAT(select("conv1"), ElementsAre(0));
  EXPECT_THAT(select("*conv*"), ElementsAre(0, 2));
  EXPECT_THAT(select("b*2"), ElementsAre(2));
  EXPECT_THAT(select("type:conv"), ElementsAre(0, 2));
  EXPECT_THAT(select("type:linear"), ElementsAre(3, 4));
  EXPECT_THAT(select("head"), ElementsAre(4));
  EXPECT_THAT(select("body"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(select("first:2"), ElementsAre(0, 1));
  EXPECT_THAT(select("last:2"), ElementsAre(3, 4));
  EXPECT_THAT(select("middle:3"), ElementsAre(1, 2, 3));
  EXPECT_THAT(select("middle:2"), ElementsAre(1, 2));
  EXPECT_THAT(select("index:1-3"), ElementsAre(1, 2, 3));
  EXPECT_THAT(select("index:2"), ElementsAre(2));
  EXPECT_THAT(select("all"), ElementsAre(0, 1, 2, 3, 4));
}

TEST(SelectorTest, union_then_exclusion) {
  EXPECT_THAT(select("fc2, conv1"), ElementsAre(0, 4));
  EXPECT_THAT(select("!fc1, all, !type:norm"), ElementsAre(0, 2, 4));
  EXPECT_THAT(select("!head"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(select("type:linear,!type:other"), ElementsAre(3, 4));
}

TEST(SelectorTest, rest_is_what_is_not_taken) {
  EXPECT_THAT(select_layers("rest", table(), {true, false, true, true, false}, "key"),
              ElementsAre(1, 4));
}

TEST(SelectorTest, errors_name_key_selector_and_layers) {
  EXPECT_THAT(refusal_of([] { select("conv1,fc9"); }),
              AllOf(HasSubstr("key: 'fc9'"), HasSubstr("conv1, norm1, block.conv2, fc1, fc2")));
  for (auto const* bad :
       {"", "fc*x", "!fc9", "type:foo", "first:0", "first:6", "first:x", "index:3-1", "index:0-5",
        "index:", "nth:2", "conv1,!conv1", "conv1,,fc1", "rotate"}) {
    EXPECT_THROW(select(bad), InputError) << bad;
  }
}

TEST(AveragingScheduleTest, default_averages_everything_every_round) {
  AveragingSchedule const schedule(groups({}), table());
  EXPECT_THAT(schedule.due_layers(1), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(schedule.due_elements(7), 150 + 4);
  for (int layer = 0; layer < 5; ++layer) EXPECT_TRUE(schedule.always_averaged(layer));
}

TEST(AveragingScheduleTest, groups_fall_due_at_their_intervals) {
  auto late = group("head", "head", 4);
  late.offset = 1;
  late.from = 3;
  late.until = 9;
  AveragingSchedule const schedule(groups({group("conv", "type:conv", 2), late}), table());
  std::vector<std::int64_t> conv, head;
  for (std::int64_t round = 1; round <= 12; ++round) {
    for (int const layer : schedule.due_layers(round)) {
      if (layer == 0) conv.push_back(round);
      if (layer == 4) head.push_back(round);
    }
  }
  EXPECT_THAT(conv, ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_THAT(head, ElementsAre(5, 9));
  EXPECT_EQ(schedule.due_elements(4), 10 + 30);
  EXPECT_FALSE(schedule.always_averaged(0));
  EXPECT_FALSE(schedule.always_averaged(1));
  EXPECT_EQ(schedule.group_of(0), "conv");
  EXPECT_EQ(schedule.group_of(4), "head");
  EXPECT_EQ(schedule.group_of(1), "");
}

TEST(AveragingScheduleTest, always_averaged_agrees_with_due_layers) {
  auto limited = group("limited", "fc1", 1);
  limited.until = 5;
  AveragingSchedule const schedule(
      groups({group("conv", "type:conv", 1), limited, group("head", "head", 0)}, 6), table());
  for (int layer = 0; layer < 5; ++layer) {
    bool always = true;
    for (std::int64_t round = 1; round <= 6; ++round) {
      auto const due = schedule.due_layers(round);
      always = always && std::count(due.begin(), due.end(), layer) == 1;
    }
    EXPECT_EQ(schedule.always_averaged(layer), always) << layer;
  }
}

TEST(AveragingScheduleTest, rest_is_resolved_last) {
  AveragingSchedule const schedule(groups({group("a", "rest", 3), group("b", "body,!fc1", 1)}),
                                   table());
  EXPECT_THAT(schedule.due_layers(1), ElementsAre(0, 1, 2));
  EXPECT_THAT(schedule.due_layers(3), ElementsAre(0, 1, 2, 3, 4));
}

TEST(AveragingScheduleTest, rotate_takes_one_layer_a_turn) {
  auto turning = group("turning", "rotate,body", 2);
  turning.from = 3;
  AveragingSchedule const schedule(groups({turning}), table());
  std::vector<int> order;
  for (std::int64_t round = 1; round <= 12; ++round) {
    auto const due = schedule.due_layers(round);
    EXPECT_EQ(due.size(), round >= 4 && round % 2 == 0 ? 1U : 0U);
    order.insert(order.end(), due.begin(), due.end());
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 0));
  AveragingSchedule const alone(groups({group("g", "rotate", 1)}), table());
  EXPECT_THAT(alone.due_layers(5), ElementsAre(4));
  EXPECT_THAT(alone.due_layers(6), ElementsAre(0));
  EXPECT_FALSE(alone.always_averaged(0));
}

TEST(AveragingScheduleTest, rotate_with_an_offset_beyond_from_starts_at_the_first_due_round) {
  auto turning = group("turning", "rotate", 5);
  turning.offset = 7;  // due in rounds 2, 7, 12, ...
  AveragingSchedule const schedule(groups({turning}), table());
  EXPECT_THAT(schedule.due_layers(2), ElementsAre(0));
  EXPECT_THAT(schedule.due_layers(7), ElementsAre(1));
}

TEST(AveragingScheduleTest, a_layer_in_two_groups_is_an_error_naming_both) {
  auto const config = groups({group("a", "body", 1), group("b", "fc*", 1)});
  EXPECT_THAT(refusal_of([&] { AveragingSchedule(config, table()); }),
              AllOf(HasSubstr("average.b.layers"), HasSubstr("fc1"), HasSubstr("group a")));
}

TEST(PresetTest, use_types_head_and_body) {
  auto const due = [](char const* preset) {
    Config config;
    config.federation.preset = preset;
    return AveragingSchedule(config, table()).due_layers(1);
  };
  EXPECT_THAT(due("fedavg"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(due("fedper"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(due("lg-fedavg"), ElementsAre(4));
  EXPECT_THAT(due("fedbn"), ElementsAre(0, 2, 3, 4));
  EXPECT_THAT(due("local"), ElementsAre());
  EXPECT_THAT(refusal_of([] { preset_groups("fedpre"); }), HasSubstr("did you mean fedper"));
  auto const other = refusal_of([] { preset_groups("fedprox"); });
  EXPECT_THAT(other, HasSubstr("what you mean is train.correction = prox"));
  EXPECT_EQ(other.find("did you mean"), std::string::npos) << other;
}

TEST(PresetTest, fedbn_suits_models_without_normalisation) {
  LayerTable plain = table();
  plain.layers.erase(plain.layers.begin() + 1);
  Config config;
  config.federation.preset = "fedbn";
  EXPECT_EQ(AveragingSchedule(config, plain).due_layers(1).size(), 4U);
}

TEST(LearningRateTest, clients_of_different_size_share_one_curve) {
  TrainConfig train;
  train.lr = 0.1;
  train.schedule = ScheduleKind::cosine;
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 1, 0, 7, 0), 0.1);
  EXPECT_NEAR(learning_rate(train, 10, 6, 0, 7, 0), 0.05, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 3, 2, 4, 0), learning_rate(train, 10, 3, 50, 100, 0));
  EXPECT_NEAR(learning_rate(train, 10, 3, 2, 4, 0), 0.05 * (1 + std::cos(0.25 * std::numbers::pi)),
              1e-15);
  EXPECT_NEAR(learning_rate(train, 10, 30, 0, 4, 0), 0, 1e-15);
  train.horizon = 20;
  EXPECT_NEAR(learning_rate(train, 10, 11, 0, 4, 0), 0.05, 1e-15);
}

TEST(LearningRateTest, steps_drop_by_the_factor) {
  TrainConfig train;
  train.lr = 1;
  train.schedule = ScheduleKind::step;
  train.step_every = 2;
  train.step_factor = 0.5;
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 2, 9, 10, 0), 1);
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 3, 0, 10, 0), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 5, 0, 10, 0), 0.25);
  train.step_every = 0.5;
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 1, 5, 10, 0), 0.5);
}

TEST(LearningRateTest, steps_that_doubles_round_drop_when_they_should) {
  TrainConfig train;
  train.lr = 1;
  train.schedule = ScheduleKind::step;
  train.step_factor = 0.5;
  train.step_every = 0.1;
  for (int steps : {3, 10, 30, 70}) {
    for (int step = 0; step < 2 * steps; ++step) {
      EXPECT_DOUBLE_EQ(learning_rate(train, 10, 1 + step / steps, step % steps, steps, 0),
                       std::pow(0.5, 10 * step / steps))
          << step << " of " << steps;
    }
  }
  train.step_every = 1;
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 1, 999'999'999, 1'000'000'000, 0), 1);
}

TEST(LearningRateTest, warmup_counts_the_clients_own_steps) {
  TrainConfig train;
  train.lr = 1;
  train.warmup = 10;
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 1, 0, 4, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 2, 1, 4, 4), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(train, 10, 9, 0, 4, 32), 1);
}

TEST(ParticipantsTest, rounds_to_the_nearest_number_and_at_least_one) {
  FederationConfig federation;
  EXPECT_THAT(participants(federation, 3, 1, 1), ElementsAre(0, 1, 2));
  federation.participation = 0.24;
  EXPECT_EQ(participants(federation, 10, 1, 1).size(), 2U);
  EXPECT_EQ(participants(federation, 2, 1, 1).size(), 1U);
  EXPECT_EQ(participants(federation, 11, 1, 1).size(), 3U);
}

TEST(ParticipantsTest, are_distinct_ascending_and_depend_on_seed_and_round_only) {
  FederationConfig federation;
  federation.participation = 0.2;
  std::vector<int> count(20);
  std::set<std::vector<std::int64_t>> seen;
  for (std::int64_t round = 1; round <= 500; ++round) {
    auto const ids = participants(federation, 20, 7, round);
    ASSERT_EQ(ids.size(), 4U);
    ASSERT_TRUE(std::is_sorted(ids.begin(), ids.end(), std::less_equal<>()));
    ASSERT_EQ(ids, participants(federation, 20, 7, round));
    for (auto const id : ids) ++count.at(static_cast<std::size_t>(id));
    seen.insert(ids);
  }
  EXPECT_GT(seen.size(), 400U);
  for (int const times : count) EXPECT_NEAR(times, 100, 40);  // 4.5 standard deviations
  EXPECT_NE(participants(federation, 1000, 7, 1), participants(federation, 1000, 8, 1));
}

}  // namespace
}  // namespace fedstrata
