#pragma once
#include <string>
#include <vector>

namespace fedstrata {

/// Begins the name of a data set that is a file of the user's own.
inline constexpr char const* kFilePrefix = "file:";

/// What `data.dataset` may be beside such a file, in alphabetical order. The data sets are in a
/// room far above, where this is defined (common/data/dataset.cpp); docs/architecture.md says why.
std::vector<std::string> dataset_names();

/// What `data.partition` may be; likewise (common/data/partition.cpp).
std::vector<std::string> partition_names();

}  // namespace fedstrata
