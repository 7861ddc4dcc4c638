#include "common/base/error.hpp"
#include "common/data/partitions/dealing.hpp"

namespace fedstrata {
namespace {

/// Every client holds every sample.
Partition same(Deal const& deal) {
  constexpr std::int64_t kMostEntries = std::int64_t{1} << 31;
  auto const clients = deal.config.clients;
  require_input(deal.samples > 0 && clients <= kMostEntries / deal.samples,
                "data.partition = same lists " + std::to_string(deal.samples) +
                    " samples for each of data.clients = " + std::to_string(clients) +
                    ", more than 2^31 entries in all: lower data.clients or data.train_limit");
  auto const all = count_up(deal.samples);
  Indices histogram(index(deal.classes));
  for (auto const label : deal.labels) ++histogram[label];
  Partition partition{.offsets = {0}, .indices = {}, .histogram = {}};
  partition.indices.reserve(index(clients * deal.samples));
  for (std::int64_t c = 0; c < clients; ++c) {
    partition.indices.insert(partition.indices.end(), all.begin(), all.end());
    partition.histogram.insert(partition.histogram.end(), histogram.begin(), histogram.end());
    partition.offsets.push_back(std::ssize(partition.indices));
  }
  return partition;
}

}  // namespace

PartitionEntry same_partition() { return {.name = "same", .make = same}; }

}  // namespace fedstrata
