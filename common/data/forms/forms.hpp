#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "common/data/dataset.hpp"

namespace fedstrata {

// The data sets, by the form that their samples come in. To add one: a file in this folder that
// defines its function, declared and listed here.

/// A data set that data.dataset can name.
struct DatasetEntry {
  DatasetInfo info;  ///< without counts
  /// Fills both splits, up to the limits, and what of `info` follows from the samples. Throws
  /// InputError as load_dataset() does.
  std::function<void(Dataset&, DataConfig const&, std::uint64_t seed)> load;
};

/// The data sets of one form.
using DataForm = std::vector<DatasetEntry>();
DataForm cifar_files, idx_files, synthetic_images, synthetic_regression;

inline constexpr DataForm* kDataForms[] = {cifar_files, idx_files, synthetic_images,
                                           synthetic_regression};

/// Is data.dataset a file of the user's own, file:FILE.h5?
bool is_own_file(DataConfig const& config);
/// That file. Reads what it says of its samples; throws InputError where that is no data set.
DatasetEntry own_file(DataConfig const& config);

/// Of all forms, in alphabetical order.
std::vector<DatasetEntry> const& dataset_entries();

/// How many of `count` samples a limit keeps (0 = all).
std::uint64_t kept(std::uint64_t count, std::int64_t limit);

}  // namespace fedstrata
