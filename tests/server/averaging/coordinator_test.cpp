// What the coordinator divides by; its rounds are tested by federation/federated.
#include "server/averaging/coordinator.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

TEST(CoordinatorTest, divisors_are_the_weights_of_those_left) {
  auto const data = tiny_data();
  auto const experiment = tiny_experiment(
      data, "[data]\ndataset = synthetic\nclients = 20\npartition = quantity\nmin_samples = 2\n");
  EXPECT_EQ(divisors(experiment, 1, {}), (std::vector{1.0, 1.0}));
  auto const weights = experiment.weights(experiment.all_clients());
  auto const left = divisors(experiment, 1, {3, 7});
  ASSERT_EQ(left.size(), 2U);
  EXPECT_NEAR(left[kModelWeighting], 1.0 - weights[3] - weights[7], 1e-12);
  EXPECT_NEAR(left[kUniformWeighting], 0.9, 1e-12);
  EXPECT_THROW(divisors(experiment, 1, experiment.all_clients()), Error);
}

TEST(CoordinatorTest, names_the_learning_rates_that_may_have_made_all_diverge) {
  auto const data = tiny_data();
  auto const experiment = tiny_experiment(
      data,
      "[data]\ndataset = synthetic\n[average.body]\nlayers = body\n[average.head]\nlayers = head\n"
      "update = adam\nfrom = 2\n");
  auto const sentence = [&](std::int64_t round) -> std::string {
    try {
      divisors(experiment, round, experiment.all_clients());
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
