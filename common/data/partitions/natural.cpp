#include <algorithm>

#include "common/base/error.hpp"
#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Each client gets its own samples; of more clients than asked for the first ones.
Partition natural(Deal const& deal) {
  auto const& config = deal.config;
  require_input(!deal.owners.empty(),
                "data.partition = natural needs to know whose each sample is, and data.dataset = " +
                    config.dataset +
                    " does not say it; take a file (file:FILE.h5) with train/client, or another "
                    "partition");
  Indices owner(deal.owners.begin(), deal.owners.end());
  std::vector<bool> found(index(1 + std::ranges::max(owner)));
  for (auto const client : owner) found[index(client)] = true;
  auto const gap = std::ranges::find(found, false) - found.begin();
  require_input(gap >= std::min(config.clients, std::ssize(found)),
                "data.partition = natural: no training sample is of client " + std::to_string(gap) +
                    ", though some are of client " + std::to_string(found.size() - 1) +
                    (config.train_limit > 0 ? "; raise data.train_limit, which cuts the samples"
                                            : "; number the clients 0, 1, 2, ... without gaps"));
  require_input(config.clients <= std::ssize(found),
                "data.clients = " + std::to_string(config.clients) +
                    " is more than the clients whose samples there are; set it to " +
                    std::to_string(found.size()) + " or less");
  for (auto& client : owner)
    if (client >= config.clients) client = -1;
  return from_owners(deal, owner);
}

}  // namespace

PartitionEntry natural_partition() { return {.name = "natural", .make = natural}; }

}  // namespace fedstrata
