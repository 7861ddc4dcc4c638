#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Shuffled; sizes differ by at most one.
Partition iid(Deal const& deal) {
  check_enough(deal);
  auto const clients = count_up(deal.config.clients);
  Indices owner(index(deal.samples));
  cut(shuffled(deal.samples, deal.random), clients, std::vector(clients.size(), 1.0), owner);
  return from_owners(deal, owner);
}

}  // namespace

PartitionEntry iid_partition() { return {.name = "iid", .make = iid}; }

}  // namespace fedstrata
