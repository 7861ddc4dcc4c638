#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/data/dataset.hpp"
#include "common/data/partition.hpp"
#include "common/model/layer_table.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

namespace hdf5 {
class File;
}

inline constexpr std::int64_t kFormatVersion = 1;

/// What a run is, written when it starts, and anew with each further start.
struct RunHeader {
  std::string config_text;  ///< resolved INI text
  std::uint64_t seed = 0;
  std::string model;
  DatasetInfo dataset;
  std::string data_checksum;  ///< of inputs and targets, 16 hexadecimal digits; empty: not known
  LayerTable table;
  Partition partition;
  std::vector<ProvenanceRecord> provenance;  ///< of each start
  std::filesystem::path script;  ///< file that create() copies into the run; not read back
};

/// Are these the inputs and targets that the run was made with? By name, counts and, where it is
/// known, checksum.
bool is_data_of(RunHeader const& header, DatasetView const& data);

/// Makes header.h5: /provenance, /layers, /parameters, /buffers, /dataset, /partition and the
/// attributes of /.
void write_header(std::filesystem::path const& file, RunHeader const& header);

/// Throws Error when something is missing.
RunHeader read_header(std::filesystem::path const& file);

/// Sets the attributes that the header and the index have at /.
void set_root_attributes(hdf5::File& file, RunHeader const& header);

}  // namespace fedstrata
