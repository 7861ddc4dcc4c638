#pragma once
#include "common/store/rows/row_file.hpp"

namespace fedstrata {

/// Row files of HDF5: attributes round, shard and shards, a dataset `clients`, and for each field a
/// dataset of its name: [width], or [clients, width]. Other datasets are not looked at.
RowFormat const& hdf5_rows();

}  // namespace fedstrata
