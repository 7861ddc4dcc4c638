#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/checksum.hpp"
#include "common/store/header.hpp"
#include "common/store/records.hpp"
#include "common/store/rows/checkpoint_files.hpp"
#include "common/store/series.hpp"

namespace fedstrata {

/// Compares run.h5 with its sidecar and reads the list of files it names. Throws InputError: no
/// run, damaged, newer format version.
std::vector<FileRecord> read_index(std::filesystem::path const& directory);

/// The same, but nothing where there is no index that its sidecar describes.
std::vector<FileRecord> read_index_if_intact(std::filesystem::path const& directory);

/// One sentence for each file that is damaged or missing; checkpoints are compared with their
/// checksums only if `checkpoints`, with their sizes always.
std::vector<std::string> check_files(std::filesystem::path const& directory,
                                     std::vector<FileRecord> const& records,
                                     bool checkpoints = true);

/// Everything in a run directory that goes into run.h5, as it lies on disk.
class RunContents {
 public:
  explicit RunContents(std::filesystem::path directory);
  void refresh();
  Series& metrics() { return metrics_; }
  CheckpointFiles& checkpoints() { return checkpoints_; }
  /// Made on first use.
  Series& analysis(std::string const& name);
  std::vector<std::string> analysis_names() const;

  /// The checksum of a file this process has just written (saves reading it again).
  void remember(std::string const& name, FileSum const& sum) { fresh_[name] = sum; }
  /// Builds run.h5 from what lies in the directory and replaces it together with its sidecar; then
  /// removes segments that were merged a while ago. Call under the index lock. Throws Error when a
  /// file is not as the last index described it.
  void publish(RunHeader const& header);
  /// Merges all small segments of the metrics and of every analysis. Call under the index lock.
  void merge_all();
  /// Segments that were merged a while ago and that `last`, the records of an index, does not name.
  std::vector<std::string> settled(std::map<std::string, FileRecord> const& last) const;

 private:
  std::vector<std::string> files(RunHeader const& header) const;
  std::vector<FileRecord> describe(std::vector<std::string> const& names,
                                   std::map<std::string, FileRecord> const& last);
  void build(std::filesystem::path const& file, RunHeader const& header,
             std::vector<FileRecord> const& records);
  void add_series(hdf5::File& index, Series const& series, std::string const& group,
                  std::string const& directory) const;

  std::filesystem::path directory_;
  Series metrics_;
  CheckpointFiles checkpoints_;
  std::map<std::string, Series> analyses_;
  std::map<std::string, FileSum> fresh_;
};

}  // namespace fedstrata
