// What the coordinator divides by; its rounds are tested by federation/federated.
#include "server/averaging/coordinator.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

TEST(CoordinatorTest, divisor_is_the_weight_of_those_left) {
  auto const data = tiny_data();
  auto const experiment = tiny_experiment(
      data, "[data]\ndataset = synthetic\nclients = 20\npartition = quantity\nmin_samples = 2\n");
  EXPECT_EQ(divisor(experiment, 1, {}), 1.0);
  auto const weights = experiment.weights(experiment.all_clients());
  EXPECT_NEAR(divisor(experiment, 1, {3, 7}), 1.0 - weights[3] - weights[7], 1e-12);
  EXPECT_THROW(divisor(experiment, 1, experiment.all_clients()), Error);
}

TEST(CoordinatorTest, names_the_learning_rates_that_may_have_made_all_diverge) {
  auto const data = tiny_data();
  auto const experiment = tiny_experiment(
      data,
      "[data]\ndataset = synthetic\n[average.body]\nlayers = body\n[average.head]\nlayers = head\n"
      "update = adam\nfrom = 2\n");
  auto const sentence = [&](std::int64_t round) -> std::string {
    try {
      divisor(experiment, round, experiment.all_clients());
    } catch (Error const& error) {
      return error.what();
    }
    return "nobody diverged";
  };
  EXPECT_EQ(sentence(2), "all participants of round 2 diverged; lower train.lr");
  EXPECT_EQ(sentence(3),
            "all participants of round 3 diverged; lower train.lr or average.head.update_lr");
}

}  // namespace
}  // namespace fedstrata
