#include "common/federation/experiment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/error.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// An mlp of three layers: the first averaged in rounds 2, 4, ..., the second in every round from
/// the third, the last never.
Experiment experiment(std::vector<std::string> settings) {
  settings.insert(settings.end(),
                  {"average.slow.layers=fc1", "average.slow.every=2", "average.late.layers=fc2",
                   "average.late.from=3", "average.never.layers=head", "average.never.every=0"});
  return tiny_experiment(tiny_data(),
                         "[model]\nhidden = 5,4\n[data]\ndataset = synthetic\n"
                         "[federation]\nrounds = 6\n",
                         settings);
}

TEST(ExperimentTest, values_that_all_clients_had_are_those_of_averages_and_a_common_start) {
  auto const same = experiment({});
  EXPECT_THAT(same.common_layers(1), ElementsAre(0, 1));
  EXPECT_THAT(same.common_layers(6), ElementsAre(0, 1));
  auto const different = experiment({"model.init=different"});
  EXPECT_THAT(different.common_layers(1), IsEmpty());
  EXPECT_THAT(different.common_layers(2), IsEmpty());
  EXPECT_THAT(different.common_layers(3), ElementsAre(0));
  EXPECT_THAT(different.common_layers(4), ElementsAre(0, 1));
}

/// Fields and layers of the parts, "FIELD:LAYER", in their order; -1 is the model.
std::vector<std::string> names(PackedParts const& parts) {
  std::vector<std::string> result;
  for (auto const& part : parts) {
    result.push_back(std::to_string(part.field) + ":" + std::to_string(part.layer));
  }
  return result;
}

TEST(ExperimentTest, clients_keep_what_is_not_averaged_in_every_round) {
  std::string const adam = "train.optimizer=adam";
  std::string const policy = "train.momentum_at_averaging=";
  std::string const all = "federation.preset=fedavg";
  auto const own = [&](std::vector<std::string> const& settings) {
    return names(
        tiny_experiment(tiny_data(), "[model]\nhidden = 5\n[data]\ndataset = synthetic\n", settings)
            .own_parts());
  };
  EXPECT_THAT(own({adam, all, policy + "reset"}), IsEmpty());
  EXPECT_THAT(own({adam, all, policy + "average"}), IsEmpty());
  EXPECT_THAT(own({adam, all, policy + "keep"}),
              ElementsAre("0:0", "0:1", "1:0", "1:1", "2:0", "2:1"));
  EXPECT_THAT(own({adam, "federation.preset=fedper", policy + "keep"}),
              ElementsAre("-1:1", "0:1", "1:1", "2:1", "0:0", "1:0", "2:0"));
  EXPECT_THAT(own({"train.momentum=0.9", "federation.preset=fedper"}), ElementsAre("-1:1", "0:1"));
}

TEST(ExperimentTest, fields_are_summed_with_their_layer_where_they_are_averaged) {
  auto const parts =
      experiment({"train.momentum=0.9", "train.momentum_at_averaging=average"}).parts(2);
  EXPECT_THAT(names(parts.averaged()), ElementsAre("-1:0", "0:0"));
  EXPECT_THAT(names(parts.parts), ElementsAre("-1:0", "0:0", "-1:1", "-1:2"));
}

TEST(ExperimentTest, the_same_clients_are_evaluated_in_every_round) {
  auto const all = experiment({"data.clients=7", "federation.evaluate=3"});
  auto const chosen = all.evaluated_clients(1);
  EXPECT_EQ(chosen.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(chosen));
  for (std::int64_t round = 2; round <= 6; ++round) EXPECT_EQ(all.evaluated_clients(round), chosen);
  auto const others = experiment({"data.clients=7", "federation.evaluate=3", "run.seed=2"});
  EXPECT_NE(others.evaluated_clients(1), chosen);
  auto const few =
      experiment({"data.clients=7", "federation.evaluate=3", "federation.participation=0.3"});
  EXPECT_EQ(few.evaluated_clients(2), few.participants(2));
}

TEST(ExperimentTest, the_global_model_is_evaluated_where_it_is_asked_for_or_is_the_clients) {
  auto const evaluated = [](std::string const& what, std::vector<std::string> more = {}) {
    more.push_back("federation.evaluate=" + what);
    auto const made = tiny_experiment(
        tiny_data(), "[data]\ndataset = synthetic\n[federation]\nrounds = 4\n", more);
    std::vector<std::int64_t> rounds;
    for (std::int64_t r = 1; r <= 4; ++r) {
      if (made.evaluates_global(r)) rounds.push_back(r);
    }
    return rounds;
  };
  EXPECT_THAT(evaluated("global"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(evaluated("global", {"federation.evaluate_every=3"}), ElementsAre(3, 4));
  EXPECT_THAT(evaluated("clients", {"average.all.every=2"}), ElementsAre(2, 4));
  EXPECT_THAT(evaluated("clients", {"federation.preset=local"}), IsEmpty());
}

TEST(ExperimentTest, a_correction_needs_averages) {
  try {
    tiny_experiment(tiny_data(), "[data]\ndataset = synthetic\n",
                    {"federation.preset=local", "train.correction=prox", "train.mu=1"});
    FAIL() << "no error";
  } catch (InputError const& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("no layer is averaged"));
  }
}

TEST(ExperimentTest, means_of_normalised_steps_count_those_since_the_last_mean) {
  auto const novas = experiment(
      {"average.slow.update=nova", "data.partition=quantity", "federation.participation=0.5"});
  EXPECT_EQ(novas.weightings(1).size(), 2U);  // the model's and the uniform one
  auto const all = novas.weightings(4);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2], (MeanWeights{MeanWeights::Of::steps, 2}));
  auto const ids = novas.participants(4), before = novas.participants(3);
  auto const sums = novas.steps_sums(4, 2);
  auto const weights = novas.weights(4);
  ASSERT_EQ(weights.size(), 3U);
  double total = 0.0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto const rounds = 1 + std::ranges::count(before, ids[i]);
    EXPECT_EQ(sums[i], static_cast<double>(rounds * novas.local_steps(ids[i])));
    EXPECT_EQ(weights[1][i], 1.0 / static_cast<double>(ids.size()));
    total += weights[0][i] / sums[i];
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_NEAR(weights[2][i], weights[0][i] / sums[i] / total, 1e-12);
  }
  for (auto const& part : novas.parts(4).averaged()) {
    EXPECT_EQ(part.weighting, part.layer == 0 ? 2 : kModelWeighting);
  }
}

TEST(ExperimentTest, control_variates_weigh_the_same_and_stay_with_clients) {
  auto const scaffold =
      tiny_experiment(tiny_data(), "[model]\nhidden = 5\n[data]\ndataset = synthetic\n",
                      {"train.correction=scaffold"});
  for (auto const& part : scaffold.parts(1).averaged()) {
    EXPECT_EQ(part.weighting, part.field == 1 ? kUniformWeighting : kModelWeighting);
    EXPECT_TRUE(part.field == -1 || part.field == 1);
  }
  EXPECT_THAT(names(scaffold.own_parts()), ElementsAre("0:0", "0:1"));
}

}  // namespace
}  // namespace fedstrata
