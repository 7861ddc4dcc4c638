#include "common/data/partition.hpp"

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/base/text.hpp"
#include "common/config/datasets.hpp"
#include "common/data/partitions/partitions.hpp"

namespace fedstrata {
namespace {

std::vector<PartitionEntry> const& entries() {
  static std::vector<PartitionEntry> const all = [] {
    std::vector<PartitionEntry> result;
    for (auto* const entry : kPartitions) result.push_back(entry());
    return result;
  }();
  return all;
}

PartitionEntry const& entry_of(DataConfig const& config) {
  for (auto const& entry : entries())
    if (entry.name == config.partition) return entry;
  throw InputError("data.partition = " + config.partition +
                   " is not possible; allowed: " + join(partition_names(), " | "));
}

Partition dealt(std::int64_t samples, std::span<std::uint8_t const> labels, std::int64_t classes,
                DataConfig const& config, std::uint64_t seed,
                std::span<std::int32_t const> owners) {
  require_input(config.clients >= 1,
                "data.clients = " + std::to_string(config.clients) + " must be at least 1");
  // The same on every rank and machine.
  Random random(seed, Purpose::partition);
  return entry_of(config).make({.samples = samples,
                                .labels = labels,
                                .classes = classes,
                                .owners = owners,
                                .config = config,
                                .random = random});
}

}  // namespace

std::vector<std::string> partition_names() {
  std::vector<std::string> names;
  for (auto const& entry : entries()) names.push_back(entry.name);
  return names;
}

Partition make_partition(std::span<std::uint8_t const> labels, std::int64_t classes,
                         DataConfig const& config, std::uint64_t seed,
                         std::span<std::int32_t const> owners) {
  return dealt(std::ssize(labels), labels, classes, config, seed, owners);
}

Partition make_partition(std::int64_t samples, DataConfig const& config, std::uint64_t seed,
                         std::span<std::int32_t const> owners) {
  std::vector<std::string> others;
  for (auto const& entry : entries())
    if (!entry.by_label) others.push_back(entry.name);
  require_input(!entry_of(config).by_label,
                "data.partition = " + config.partition +
                    " deals samples by their labels, and data.dataset = " + config.dataset +
                    " has none; set data.partition = " + join(others, " | "));
  return dealt(samples, {}, 0, config, seed, owners);
}

}  // namespace fedstrata
