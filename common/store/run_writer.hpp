#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/base/error.hpp"
#include "common/store/file_lock.hpp"
#include "common/store/rows/row_file.hpp"
#include "common/store/run.hpp"
#include "common/store/tables.hpp"

namespace fedstrata {

/// A run to write to. Each write makes one immutable file and publishes a new index, which is built
/// from the files and replaced atomically; any number of processes may write to one directory at a
/// time. The writing functions throw Error on a full disk (what was complete stays valid), when
/// what they write is there already, and when a newer start of the simulation has taken over the
/// directory.
class RunWriter : public Run {
 public:
  /// Throws InputError when `path` already holds a run (never overwritten) or cannot be written.
  /// Makes nothing.
  static void check_creatable(std::filesystem::path const& path);
  /// Makes the directory, takes the lock of the simulation (holder's host, pid, job, generation),
  /// writes the header file and the first index.
  static RunWriter create(std::filesystem::path const& path, RunHeader const& header);
  /// Takes a run up again that was interrupted: takes the lock, records this start and the config
  /// as it is now, and removes what a killed run left half done. Files other than checkpoints are
  /// verified. Throws InputError as Run::open(), and when a living process simulates in it.
  static RunWriter resume(std::filesystem::path const& path, std::string const& config_text,
                          ProvenanceRecord const& start);
  /// To write an analysis, to a run whose files are verified first. Throws as Run::open().
  static RunWriter open(std::filesystem::path const& path);
  /// Another rank's handle on the run that rank 0 created or opened: may write checkpoints and
  /// analyses. Files are not verified.
  static RunWriter attach(std::filesystem::path const& path);

  /// Tells other nodes that the simulation lives; call once a round on the handle of create().
  void heartbeat();
  /// Metrics of rounds that were written before the run was interrupted are left out.
  void write_metrics(MetricsSegment segment);
  /// `name`: "insitu", or the analysis's own. The rows of all segments make one table, ordered by
  /// round; a segment's rows may come in any order.
  void write_analysis(std::string const& name, AnalysisSegment const& segment);
  /// Throws InputError, naming the alternative (--name), when an analysis of that name exists.
  void check_analysis_name(std::string const& name) const;
  /// Stores the settings an analysis ran with, as attribute config of /barriers/NAME.
  void write_analysis_config(std::string const& name, std::string const& config_text);
  /// Removes the shards of a checkpoint that was written with keep = false.
  void discard(std::int64_t round);
  /// Makes a finished resume state visible and removes all but the `keep` newest.
  void publish_state(RowFileWriter& state, std::int64_t keep);
  /// Copies the small segments of each series into one, where a simulation or an analysis came to
  /// its end.
  void merge_segments();
  /// Marks the run complete (file DONE, written last); then all resume states but the `keep_states`
  /// newest go.
  void mark_done(std::int64_t keep_states);
  /// Rebuilds run.h5 from the files in the directory, under the exclusive lock.
  void publish_index();

  /// Does work that uses the run's files. Where the run was moved or removed meanwhile, that is
  /// what is said of a failure, which then follows from it.
  template <class Work>
  auto in_place(Work const& work) const {
    try {
      return work();
    } catch (Error const&) {
      require_in_place();
      throw;
    }
  }
  /// Does work that writes below the directory. What it throws is told as a failure of this run's
  /// files, with what stays valid.
  void writing(std::function<void()> const& work) const;

 private:
  friend class CheckpointWriter;
  void require_in_place() const;
  RunWriter(std::filesystem::path path, RunHeader header)
      : Run(std::move(path), std::move(header)) {}
  explicit RunWriter(Run run) : Run(std::move(run)) {}
  FileLock lock() const;
  void require_current() const;
  void write_segment(Series& series, std::vector<std::int64_t> const& rounds,
                     std::vector<std::vector<std::byte>> data, bool placeholder = false);

  std::optional<SimulationLock> simulation_;
  std::int64_t generation_ = 0;  // of the simulation this handle writes for; 0: of none
};

/// Writes one shard under a temporary name, rows in any order; nothing is visible before commit().
/// Destroyed without commit, it removes the temporary file. Throws Error on a full disk. The run
/// must outlive it, in its place.
class CheckpointWriter {
 public:
  CheckpointWriter(RunWriter& run, CheckpointShard const& shard);
  /// row [P], buffers [Q]; `client` one of the shard's, ignored for RowKind::global.
  void write(RowKind kind, std::int64_t client, std::span<float const> row,
             std::span<float const> buffers);
  /// Flushes, fsyncs, renames and, if kept, publishes a new index.
  void commit();

 private:
  RunWriter* run_;
  bool keep_;
  std::optional<RowFileWriter> file_;
};

}  // namespace fedstrata
