#include <algorithm>

#include "common/base/error.hpp"
#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Each client gets samples of exactly classes_per_client classes, drawn among those that the
/// fewest clients have so far; a class is dealt evenly among its clients.
Partition classes(Deal const& deal) {
  auto const per_client = index(deal.config.classes_per_client);
  auto const clients = index(deal.config.clients);
  check_enough(deal);
  auto const samples = samples_by_label(deal);
  Indices present;
  for (std::size_t c = 0; c < samples.size(); ++c)
    if (!samples[c].empty()) present.push_back(static_cast<std::int64_t>(c));
  auto const wanted =
      "data.partition = classes with data.classes_per_client = " + std::to_string(per_client) +
      " and data.clients = " + std::to_string(clients);
  auto const count = std::to_string(present.size());
  require_input(per_client >= 1, "data.classes_per_client must be at least 1");
  require_input(per_client <= present.size(), wanted + ": the training samples are of " + count +
                                                  " classes; lower data.classes_per_client");
  require_input(clients * per_client >= present.size(),
                wanted + ": some of the " + count +
                    " classes would be nobody's; raise data.classes_per_client or data.clients");
  // Each client takes the classes that the fewest have so far, so that holders differ by one.
  std::vector<Indices> holders(index(deal.classes));
  for (std::size_t client = 0; client < clients; ++client) {
    deal.random.shuffle(present);
    std::ranges::stable_sort(present, {}, [&](auto c) { return holders[index(c)].size(); });
    for (std::size_t k = 0; k < per_client; ++k)
      holders[index(present[k])].push_back(static_cast<std::int64_t>(client));
  }
  Indices owner(index(deal.samples));
  for (std::size_t c = 0; c < samples.size(); ++c) {
    if (samples[c].empty()) continue;
    require_input(holders[c].size() <= samples[c].size(),
                  wanted + ": class " + std::to_string(c) + " has " +
                      std::to_string(samples[c].size()) + " samples for " +
                      std::to_string(holders[c].size()) +
                      " clients; lower data.classes_per_client or data.clients");
    deal.random.shuffle(holders[c]);
    cut(samples[c], holders[c], std::vector(holders[c].size(), 1.0), owner);
  }
  return from_owners(deal, owner);
}

}  // namespace

PartitionEntry classes_partition() {
  return {.name = "classes", .by_label = true, .make = classes};
}

}  // namespace fedstrata
