#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/store/header.hpp"
#include "common/store/rows/checkpoint_files.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/tables.hpp"

namespace fedstrata {

/// How much of a run is compared with its checksums when it is opened: `tables` leaves out the
/// checkpoints, of which only the sizes are checked, for those who read no models.
enum class Verify { everything, tables };

class RunDirectory;

/// Writes one shard under a temporary name, rows in any order; nothing is visible before commit().
/// Destroyed without commit, it removes the temporary file. Throws Error on a full disk.
class CheckpointWriter {
 public:
  CheckpointWriter(RunDirectory& run, CheckpointShard shard);
  CheckpointWriter(CheckpointWriter&&) noexcept;
  ~CheckpointWriter();
  /// row [P], buffers [Q]; `client` one of the shard's, ignored for RowKind::global.
  void write(RowKind kind, std::int64_t client, std::span<float const> row,
             std::span<float const> buffers);
  /// Flushes, fsyncs, renames and, if kept, publishes a new index.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A run on disk: immutable HDF5 files and run.h5, an index of them that is rebuilt from the files
/// and replaced atomically (docs/file-format.md). Not thread-safe; any number of processes may use
/// one directory at a time.
class RunDirectory {
 public:
  /// Throws InputError when `path` already holds a run (never overwritten) or cannot be written.
  /// Makes nothing.
  static void check_creatable(std::filesystem::path const& path);
  /// Makes the directory, takes the lock of the simulation (holder's host, pid, job, generation),
  /// writes the header file and the first index.
  static RunDirectory create(std::filesystem::path const& path, RunHeader const& header);
  /// Takes a run up again that was interrupted: takes the lock, records this start and the config
  /// as it is now, and removes what a killed run left half done. Files other than checkpoints are
  /// verified. Throws InputError as open(), and when a living process simulates in it.
  static RunDirectory resume(std::filesystem::path const& path, std::string const& config_text,
                             ProvenanceRecord const& start);
  /// Another rank's handle on the run that rank 0 created or opened: may write checkpoints and
  /// analyses. Files are not verified (rank 0's open() does that for all).
  static RunDirectory attach(std::filesystem::path const& path);
  /// For reading and for writing analyses. Verifies sizes and checksums of the files the index
  /// names before HDF5 sees them. Throws InputError: not a run, newer format version, file missing
  /// or damaged (named).
  static RunDirectory open(std::filesystem::path const& path, Verify verify = Verify::everything);
  RunDirectory(RunDirectory&&) noexcept;
  RunDirectory& operator=(RunDirectory&&) noexcept;
  ~RunDirectory();

  std::filesystem::path const& path() const;
  /// Where the run keeps the script of its model, if it is one.
  std::filesystem::path script() const;
  RunHeader const& header() const;

  /// Tells other nodes that the simulation lives; call once a round on the handle of create().
  void heartbeat();

  /// Each of these writes one immutable file and publishes a new index. Throws Error on a full disk
  /// (what was complete stays valid), when a round was written before, and when a newer start of
  /// the simulation has taken over the directory.
  /// Metrics of rounds that were written before the run was interrupted are left out.
  void write_metrics(MetricsSegment segment);
  /// `name`: "insitu", or the analysis's own. The rows of all segments make one table, ordered by
  /// round; a segment's rows may come in any order.
  void write_analysis(std::string const& name, AnalysisSegment const& segment);
  /// Throws InputError, naming the alternative (--name), when an analysis of that name exists.
  void check_analysis_name(std::string const& name) const;
  /// Is there an analysis of that name, if only its settings?
  bool has_analysis(std::string const& name) const;
  /// Stores the settings an analysis ran with, as attribute config of /barriers/NAME.
  void write_analysis_config(std::string const& name, std::string const& config_text);

  /// Complete checkpoints, ascending by round; those not kept included until discarded.
  std::vector<CheckpointInfo> checkpoints() const;
  /// Reads one model into row [P] and buffers [Q]. Throws Error when it is not there.
  void read(std::int64_t round, RowKind kind, std::int64_t client, std::span<float> row,
            std::span<float> buffers) const;
  /// Removes the shards of a checkpoint that was written with keep = false.
  void discard(std::int64_t round);

  std::vector<RoundRecord> round_records() const;
  std::vector<ClientRecord> client_records() const;
  std::vector<BarrierRecord> barrier_records(std::string const& name) const;
  std::vector<std::string> analysis_names() const;
  /// Rounds of which an analysis has results, ascending.
  std::vector<std::int64_t> analysed_rounds(std::string const& name) const;
  /// The settings an analysis ran with. Throws InputError, listing what there is, when there is no
  /// analysis of that name.
  std::string analysis_config(std::string const& name) const;
  /// Does work that writes below the directory. What it throws is told as a failure of this run's
  /// files, with what stays valid.
  void writing(std::function<void()> const& work) const;
  /// Makes a finished resume state visible and removes all but the `keep` newest. Throws as the
  /// other writers.
  void publish_state(RowFileWriter& state, std::int64_t keep);
  std::filesystem::path resume_directory() const;
  /// Where a process may keep what it needs to continue an analysis.
  std::filesystem::path analysis_journal(std::string const& name) const;

  /// The files that run.h5 names, as it describes them.
  std::vector<FileRecord> files() const;
  /// Was mark_done() called?
  bool complete() const;
  /// Who simulates in the directory at this moment ("process 12 on node3"), empty for nobody.
  std::string simulated_by() const;

  /// Rebuilds run.h5 from the files in the directory, under the exclusive lock.
  void publish_index();
  /// The same for a run whose index may be lost or damaged, or to which others added files. Those
  /// that an intact index names are compared with their checksums, all others are read by a child
  /// process first. Throws InputError naming the file: damaged, crashes HDF5, not as we write it.
  static RunDirectory rebuild_index(std::filesystem::path const& path);
  /// One sentence per damaged or missing file; empty when all is well.
  static std::vector<std::string> verify(std::filesystem::path const& path);
  /// Copies everything reachable from run.h5 into one self-contained file.
  static void pack(std::filesystem::path const& path, std::filesystem::path const& out);
  /// Marks the run complete (file DONE, written last).
  void mark_done();

 private:
  friend class CheckpointWriter;
  struct State;
  explicit RunDirectory(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fedstrata
