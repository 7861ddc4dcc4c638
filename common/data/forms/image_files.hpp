#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/data/dataset.hpp"
#include "common/data/forms/byte_file.hpp"

namespace fedstrata {

/// A published set of labelled images, and where its files lie.
struct ImageFiles {
  DatasetInfo info;
  std::string package_dir;               ///< empty: data.dir must be set
  std::string folder;                    ///< sub-folder of data.dir that is searched too
  std::vector<std::string> train, test;  ///< names of the files
  /// Folder and first file of the same set as Python's pickles, which are not read; empty: none.
  std::pair<std::string, std::string> pickles;

  /// The folder that data.dir names, or the package's. Throws InputError that says what to set.
  std::filesystem::path directory(std::string const& wanted) const;
  /// A file of that name, or as other tools unpack it: gzipped or not, `.idx` for `-idx`, in a
  /// folder of its own name. Throws InputError that says where it was looked for and what lies
  /// there instead.
  std::filesystem::path find(std::filesystem::path const& dir, std::string const& name) const;
};

/// `shape`: channels, height, width; `mean`, `std` per channel, as published.
DatasetInfo image_info(std::string const& name, std::vector<std::int64_t> const& shape,
                       std::int64_t classes, std::vector<double> const& mean,
                       std::vector<double> const& std);

/// Throws InputError for a label that the set does not have.
void check_labels(ByteFile const& file, std::span<std::uint8_t const> labels,
                  DatasetInfo const& known);

}  // namespace fedstrata
