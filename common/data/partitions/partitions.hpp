#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "common/base/random.hpp"
#include "common/data/partition.hpp"

namespace fedstrata {

// How training samples can be dealt to clients. To add a way: a file in this folder that defines
// its function, declared and listed here.

/// What is dealt, and by what chance.
struct Deal {
  std::int64_t samples = 0;
  std::span<std::uint8_t const> labels;  ///< of all samples, or none with `classes` = 0
  std::int64_t classes = 0;
  std::span<std::int32_t const> owners;  ///< the client whose sample it is, from 0; or none
  DataConfig const& config;              ///< of at least one client
  Random& random;                        ///< keyed by Purpose::partition
};

/// A value of data.partition.
struct PartitionEntry {
  std::string name;
  bool by_label = false;  ///< it needs labels
  /// Gives each client one sample at least. Throws InputError that says what to set when the
  /// samples do not suffice.
  Partition (*make)(Deal const&) = nullptr;
};

PartitionEntry iid_partition();
PartitionEntry dirichlet_partition();
PartitionEntry shards_partition();
PartitionEntry quantity_partition();
PartitionEntry same_partition();
PartitionEntry classes_partition();
PartitionEntry natural_partition();

inline constexpr PartitionEntry (*kPartitions[])() = {
    iid_partition,  dirichlet_partition, shards_partition, quantity_partition,
    same_partition, classes_partition,   natural_partition};

}  // namespace fedstrata
