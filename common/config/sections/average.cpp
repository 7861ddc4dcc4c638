#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {

std::vector<Key<AverageGroup>> average_keys() {
  auto const averages = [](auto const& group) { return group.every > 0; };
  std::string const where = "groups with every > 0";
  return {
      text("layers", &AverageGroup::layers, "selectors joined by commas", not_empty,
           "layers of the group"),
      number("every", &AverageGroup::every, at_least(0), "rounds",
             "interval of averages; 0 = never, the layers stay personal"),
      used_with(where, averages,
                number("offset", &AverageGroup::offset, at_least(0), "rounds",
                       "average in rounds r with (r - offset) mod every = 0")),
      used_with(where, averages,
                number("from", &AverageGroup::from, at_least(1), "rounds",
                       "first round that may average")),
      used_with(where, averages,
                number("until", &AverageGroup::until, at_least(0), "rounds",
                       "last round that may average; 0 = no end")),
      text("update", &AverageGroup::update, "mean, momentum, adam, ...", not_empty,
           "what the coordinator makes of the mean; momentum = FedAvgM, adam = FedAdam, "
           "yogi = FedYogi, nova = FedNova, lws = FedLWS"),
      number("update_lr", &AverageGroup::update_lr, above(0), "", "learning rate of the update"),
      number("update_beta1", &AverageGroup::update_beta1, {.low = 0, .high = 1, .high_open = true},
             "", "share that the update keeps of its earlier steps"),
      number("update_beta2", &AverageGroup::update_beta2, {.low = 0, .high = 1, .high_open = true},
             "", "share that the updates adam and yogi keep of earlier squares"),
      number("update_tau", &AverageGroup::update_tau, above(0), "",
             "added to the root of the squares by adagrad, adam and yogi; smaller = more adaptive"),
      number("update_beta", &AverageGroup::update_beta, at_least(0), "",
             "lws: how strongly a layer shrinks, times how far clients are from their mean"),
      number("update_lo", &AverageGroup::update_lo, at_least(0), "",
             "lws: least strength at which a layer shrinks"),
      number("update_hi", &AverageGroup::update_hi, at_least(0), "",
             "lws: greatest strength at which a layer shrinks"),
  };
}

}  // namespace fedstrata::keys
