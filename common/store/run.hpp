#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/store/header.hpp"
#include "common/store/index.hpp"
#include "common/store/records.hpp"
#include "common/store/rows/checkpoint_files.hpp"

namespace fedstrata {

/// How much of a run is compared with its checksums when it is opened: `tables` leaves out the
/// checkpoints, of which only the sizes are checked, for those who read no models.
enum class Verify { everything, tables };

/// A run on disk, to read: immutable HDF5 files and run.h5, an index of them (docs/file-format.md).
/// Sees what was written so far, also by others and after it was opened. Not thread-safe.
class Run {
 public:
  Run(Run&&) = default;
  Run& operator=(Run&&) = default;
  /// Verifies sizes and checksums of the files the index names before HDF5 sees them. Throws
  /// InputError: not a run, newer format version, file missing or damaged (named).
  static Run open(std::filesystem::path const& path, Verify verify = Verify::everything);
  /// Another rank's view of the run that rank 0 created or opened; files are not verified.
  static Run attach(std::filesystem::path const& path);

  std::filesystem::path const& path() const { return path_; }
  /// Where the run keeps the script of its model, if it is one.
  std::filesystem::path script() const;
  RunHeader const& header() const { return header_; }
  /// Did the simulation come to its end?
  bool complete() const;
  /// Who simulates in the directory at this moment ("process 12 on node3"), empty for nobody.
  std::string simulated_by() const;
  /// The files that run.h5 names, as it describes them.
  std::vector<FileRecord> files() const;

  /// Complete checkpoints, ascending by round; those not kept included until discarded.
  std::vector<CheckpointInfo> checkpoints() const;
  /// Reads one model into row [P] and buffers [Q]. Throws Error when it is not there.
  void read(std::int64_t round, RowKind kind, std::int64_t client, std::span<float> row,
            std::span<float> buffers) const;

  /// A table of /metrics, one of MetricsTables.
  template <class Record>
  std::vector<Record> metrics() const {
    return metrics_series().read<Record>();
  }
  /// A table of /barriers/NAME, one of AnalysisTables.
  template <class Record>
  std::vector<Record> analysis(std::string const& name) const {
    return analysis_series(name).read<Record>();
  }
  std::vector<std::string> analysis_names() const;
  /// Is there an analysis of that name, if only its settings?
  bool has_analysis(std::string const& name) const;
  /// Rounds of which an analysis has results, ascending.
  std::vector<std::int64_t> analysed_rounds(std::string const& name) const;
  /// The settings an analysis ran with. Throws InputError, listing what there is, when there is no
  /// analysis of that name.
  std::string analysis_config(std::string const& name) const;

  std::filesystem::path resume_directory() const;
  /// Where a process may keep what it needs to continue an analysis.
  std::filesystem::path analysis_journal(std::string const& name) const;

 protected:
  Run(std::filesystem::path path, RunHeader header);
  Series const& metrics_series() const;
  Series const& analysis_series(std::string const& name) const;

  std::filesystem::path path_;
  RunHeader header_;
  // What was seen of the directory.
  mutable RunContents contents_;
  mutable CheckpointFiles pending_;
};

}  // namespace fedstrata
