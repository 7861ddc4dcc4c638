#include <cmath>
#include <utility>

#include "common/base/error.hpp"
#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Each class is dealt in proportions drawn from Dirichlet(alpha), then clients below min_samples
/// get random samples of the largest clients. Weights are drawn as logarithms, since with a small
/// concentration most are below the smallest double.
Partition dirichlet(Deal const& deal) {
  auto const alpha = deal.config.alpha;
  check_enough(deal);
  require_input(alpha > 0.0 && std::isfinite(alpha), "data.alpha must be a positive number");
  Indices owner(index(deal.samples));
  for (auto const& samples : samples_by_label(deal)) {
    std::vector<double> logs(index(deal.config.clients));
    for (auto& value : logs) value = deal.random.log_gamma(alpha);
    // In a fixed order the rounding of the cuts would favour the same clients in every class.
    auto const takers = shuffled(deal.config.clients, deal.random);
    cut(samples, takers, to_weights(std::move(logs)), owner);
  }
  raise_to_least(deal, owner);
  return from_owners(deal, owner);
}

}  // namespace

PartitionEntry dirichlet_partition() {
  return {.name = "dirichlet", .by_label = true, .make = dirichlet};
}

}  // namespace fedstrata
