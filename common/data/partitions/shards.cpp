#include "common/base/error.hpp"
#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Sorted by label and cut into equal shards, of which each client gets classes_per_client at
/// random; a shard that straddles two labels holds both.
Partition shards(Deal const& deal) {
  auto const per_client = deal.config.classes_per_client;
  check_enough(deal);
  require_input(per_client >= 1, "data.classes_per_client must be at least 1");
  check_share(deal, "data.classes_per_client", per_client);
  Indices sorted, takers, owner(index(deal.samples));
  for (auto const& samples : samples_by_label(deal))
    sorted.insert(sorted.end(), samples.begin(), samples.end());
  for (auto const shard : shuffled(deal.config.clients * per_client, deal.random))
    takers.push_back(shard / per_client);
  cut(sorted, takers, std::vector(takers.size(), 1.0), owner);
  return from_owners(deal, owner);
}

}  // namespace

PartitionEntry shards_partition() { return {.name = "shards", .by_label = true, .make = shards}; }

}  // namespace fedstrata
