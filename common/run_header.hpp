#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "common/dataset.hpp"
#include "common/hdf5.hpp"
#include "common/layer_table.hpp"
#include "common/partition.hpp"
#include "common/records.hpp"

namespace fedstrata {

inline constexpr std::int64_t kFormatVersion = 1;

/// What a run is, written once when it starts.
struct RunHeader {
  std::string config_text;  ///< resolved INI text
  std::uint64_t seed = 0;
  std::string model;
  DatasetInfo dataset;
  LayerTable table;
  Partition partition;
  ProvenanceRecord provenance;
  std::filesystem::path script;  ///< file that create() copies into the run; not read back
};

/// Makes header.h5: /provenance, /layers, /parameters, /buffers, /dataset, /partition and the
/// attributes of /.
void write_header(std::filesystem::path const& file, RunHeader const& header);

/// Throws Error when something is missing.
RunHeader read_header(std::filesystem::path const& file);

/// Sets the attributes that the header and the index have at /.
void set_root_attributes(hdf5::File& file, RunHeader const& header);

}  // namespace fedstrata
