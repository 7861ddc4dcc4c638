#pragma once
#include <cstdint>
#include <optional>

#include "common/data/dataset.hpp"
#include "common/data/samples.hpp"
#include "common/device/device.hpp"
#include "common/federation/layout.hpp"
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// A data set that the ranks of a node share: read once a node, seen by all.
class SharedDataset {
 public:
  /// Collective over `world`. Rank 0 reads first, so that bad data is reported once. Throws
  /// InputError as load_dataset.
  SharedDataset(DataConfig const& config, std::uint64_t seed, mpi::Comm const& world);
  DatasetView const& view() const { return view_; }

 private:
  mpi::Comm node_;
  std::optional<mpi::SharedMemory> memory_;
  std::optional<Dataset> own_;  ///< a world of one rank needs no shared memory
  DatasetView view_;
};

/// Collective. The device of this rank among the computing ranks of its node.
Device pick_device(RunConfig const& run, bool computes, mpi::Comm const& world);

}  // namespace fedstrata
