#pragma once
#include <cstdint>
#include <list>
#include <vector>

#include "common/device.hpp"
#include "common/experiment.hpp"
#include "common/run_directory.hpp"

namespace fedstrata {

/// The models of one stored round, read when first asked for and kept as far as memory allows.
class ModelRows {
 public:
  /// `clients`: whose weighted mean is client kMean. `memory`: bytes for rows (two always fit).
  ModelRows(Experiment const& experiment, RunDirectory const& run, Device const& device,
            std::int64_t round, RowKind kind, std::vector<std::int64_t> clients,
            std::int64_t memory);

  /// Of a participant, or kMean: the mean in double, clients added in ascending order.
  Weights trained(std::int64_t client);
  /// The client's initialisation.
  Weights initial(std::int64_t client);

 private:
  struct Entry {
    std::int64_t client;
    Weights weights;
  };
  Weights read(std::int64_t client) const;
  Weights mean() const;
  Weights weights_of(std::vector<float> const& row) const;

  Experiment const* experiment_;
  RunDirectory const* run_;
  Device const* device_;
  std::int64_t round_;
  RowKind kind_;
  std::vector<std::int64_t> clients_;
  std::size_t capacity_;
  std::list<Entry> entries_;  ///< most recently used first
};

}  // namespace fedstrata
