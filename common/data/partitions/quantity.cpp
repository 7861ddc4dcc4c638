#include <cmath>
#include <utility>

#include "common/base/error.hpp"
#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Shuffled, sizes in proportion to exp(sigma x normal), then min_samples as with dirichlet.
Partition quantity(Deal const& deal) {
  auto const sigma = deal.config.sigma;
  check_enough(deal);
  require_input(sigma >= 0.0 && std::isfinite(sigma), "data.sigma must be 0 or a positive number");
  std::vector<double> logs(index(deal.config.clients));
  for (auto& value : logs) value = sigma * deal.random.normal();
  Indices owner(index(deal.samples));
  auto const order = shuffled(deal.samples, deal.random);
  cut(order, count_up(deal.config.clients), to_weights(std::move(logs)), owner);
  raise_to_least(deal, owner);
  return from_owners(deal, owner);
}

}  // namespace

PartitionEntry quantity_partition() { return {.name = "quantity", .make = quantity}; }

}  // namespace fedstrata
