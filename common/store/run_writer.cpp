#include "common/store/run_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/names.hpp"
#include "common/store/names.hpp"
#include "common/store/rows/hdf5_rows.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/upkeep/cleaning.hpp"

// Files of a run are never changed: each change is a new file, then a new index, in this order, so
// that a kill between the two leaves the run as it was, and a file that nobody names. Several
// processes may write (a simulation, analyses beside it): each has files of its own, and the index
// is renewed under a lock, from what lies on disk.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Names = RunNames;

// What a start that was killed before its first index, or a batch system, may have left.
bool is_leftover(fs::path const& path) {
  auto const name = path.filename().string();
  auto const extension = path.extension();
  return name.starts_with('.') || name == Names::kState || name == Names::kProgress ||
         name.starts_with("header") || extension == ".out" || extension == ".err" ||
         extension == ".log" || extension == ".ini";
}

void check_empty(fs::path const& path) {
  std::error_code error;
  if (fs::exists(path / Names::kIndex, error))
    throw InputError(quoted(path) +
                     " already holds a run; continue it with --resume or choose another --out");
  for (auto entry = fs::directory_iterator(path, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    require_input(is_leftover(entry->path()), quoted(path) + " is not empty (it holds '" +
                                                  entry->path().filename().string() +
                                                  "'); choose another --out");
  require_input(!error, "cannot read directory " + quoted(path) + ": " + error.message());
}

void check_name(std::string const& name) {
  require_input(is_plain_name(name, ".") && name.size() <= 64 && name[0] != '.',
                "'" + name +
                    "' cannot name an analysis: use letters, digits, '_', '-' and '.' (at most 64, "
                    "no '.' first)");
}

// The directories that create() would have to make, outermost first.
std::vector<fs::path> missing_directories(fs::path path) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (; !path.empty() && !fs::exists(path, error) && path != path.parent_path();
       path = path.parent_path())
    missing.insert(missing.begin(), path);
  return missing;
}

}  // namespace

FileLock RunWriter::lock() const { return FileLock::wait(path_ / Names::kIndexLock); }

void RunWriter::require_current() const {
  if (generation_ == 0) return;
  auto const holder = read_holder(path_ / Names::kSimulation);
  require(holder.generation <= generation_,
          quoted(path_) + " was taken over by " + holder.str() +
              " with a newer generation; this older simulation must not write to it");
}

void RunWriter::require_in_place() const {
  std::error_code unknown;
  require(fs::exists(path_ / Names::kState, unknown),
          quoted(path_) +
              " is not there any more: the run was moved or removed while it was alive; go on "
              "with it at its new place with --resume");
}

/// Failures of the disk leave what was complete valid; say so, and where.
void RunWriter::writing(std::function<void()> const& work) const {
  try {
    work();
  } catch (std::exception const& error) {
    require_in_place();
    if (dynamic_cast<InputError const*>(&error) != nullptr) throw;
    throw Error("cannot write to run " + quoted(path_) + " (" + error.what() +
                "); what was complete before stays valid");
  }
}

void RunWriter::write_segment(Series& series, std::vector<std::int64_t> const& rounds,
                              std::vector<std::vector<std::byte>> data, bool placeholder) {
  writing([&] {
    make_below(path_, series.directory());
    auto const file = series.write(rounds, data, placeholder);
    auto const sum = file->sync();
    auto const held = lock();
    require_current();
    series.refresh();
    series.require_new(rounds);
    file->publish();
    contents_.remember(file->target().lexically_relative(path_).string(), sum);
    series.refresh();
    series.merge();
    contents_.publish(header_);
  });
}

CheckpointWriter::CheckpointWriter(RunWriter& run, CheckpointShard const& shard)
    : run_(&run), keep_(shard.keep) {
  run.writing([&] {
    auto const directory = run.path_ / (keep_ ? Names::kCheckpoints : Names::kPending);
    auto const& table = run.header_.table;
    file_.emplace(hdf5_rows(), directory,
                  row_shard(shard, table.parameter_count, table.buffer_count));
  });
}

void CheckpointWriter::write(RowKind kind, std::int64_t client, std::span<float const> row,
                             std::span<float const> buffers) {
  run_->writing([&] {
    auto const fields = model_fields(kind);
    if (kind == RowKind::global) {
      file_->write(fields.parameters, row);
      file_->write(fields.buffers, buffers);
    } else {
      file_->write(fields.parameters, client, row);
      file_->write(fields.buffers, client, buffers);
    }
  });
}

void CheckpointWriter::commit() {
  run_->writing([&] {
    file_->close();
    auto& file = file_->file();
    auto const sum = file.sync();
    auto const held = run_->lock();
    run_->require_current();
    require(!fs::exists(file.target()), quoted(file.target()) + " exists already");
    file.publish();
    if (!keep_) return;
    run_->contents_.remember(file.target().lexically_relative(run_->path_).string(), sum);
    run_->contents_.publish(run_->header_);
  });
}

void RunWriter::check_creatable(fs::path const& where) {
  auto const path = absolute_path(where);
  std::error_code error;
  if (fs::is_directory(path, error)) check_empty(path);
  auto ancestor = path;
  while (!fs::exists(ancestor, error) && ancestor != ancestor.parent_path()) {
    require_input(!error || error == std::errc::no_such_file_or_directory ||
                      error == std::errc::not_a_directory,
                  "cannot make directory " + quoted(path) + ": " + error.message());
    ancestor = ancestor.parent_path();
  }
  require_input(fs::is_directory(ancestor, error), "cannot make directory " + quoted(path) + ": '" +
                                                       ancestor.string() + "' is not a directory");
  bool const writable = ::access(ancestor.c_str(), W_OK | X_OK) == 0;
  require_input(writable, "cannot write to " + quoted(ancestor) + ": " + std::strerror(errno) +
                              "; choose another --out");
  if (is_alive(path / Names::kSimulation))
    throw InputError(quoted(path) +
                     " is in use by a simulation: " + read_holder(path / Names::kSimulation).str() +
                     "; wait for it or choose another --out");
}

RunWriter RunWriter::create(fs::path const& where, RunHeader const& header) {
  check_creatable(where);
  auto const path = absolute_path(where);
  auto const made = missing_directories(path / Names::kState);
  try {
    std::error_code error;
    fs::create_directories(path / Names::kState, error);
    require_input(!error, "cannot make directory " + quoted(path) + ": " + error.message() +
                              "; choose another --out");
    RunWriter run(path, header);
    run.writing([&] {
      auto const held = run.lock();
      check_empty(path);
      run.simulation_ = SimulationLock::take(path / Names::kSimulation);
      run.generation_ = run.simulation_->generation();
      NewFile file(path / Names::kHeader, path);
      write_header(file.temporary(), header);
      run.contents_.remember(Names::kHeader, file.sync());
      file.publish();
      if (!header.script.empty()) write_text(path / Names::kModel, read_text(header.script));
      run.contents_.publish(header);
    });
    return run;
  } catch (...) {
    std::error_code ignored;
    if (!fs::exists(path / Names::kIndex, ignored) && !made.empty())
      fs::remove_all(made.front(), ignored);
    throw;
  }
}

RunWriter RunWriter::resume(fs::path const& where, std::string const& config_text,
                            ProvenanceRecord const& start) {
  RunWriter run(Run::open(where, Verify::tables));
  auto const& path = run.path_;
  run.writing([&] {
    auto const held = run.lock();
    run.simulation_ = SimulationLock::take(path / Names::kSimulation);
    run.generation_ = run.simulation_->generation();
    for (auto const& file : half_written_files(path)) fs::remove(file);
    fs::remove(path / Names::kDone);
    auto const last = newest_header(path);
    run.header_.config_text = config_text;
    run.header_.provenance.push_back(start);
    NewFile file(path / ("header-" + round_text(run.generation_) + ".h5"), path);
    write_header(file.temporary(), run.header_);
    file.sync();
    file.publish();
    run.contents_.publish(run.header_);
    for (auto const& name : list_files(path, ".h5")) {
      bool const older = name.starts_with("header") && name != last && name != newest_header(path);
      if (older) fs::remove(path / name);
    }
  });
  return run;
}

RunWriter RunWriter::open(fs::path const& where) { return RunWriter(Run::open(where)); }

/// Writes for the simulation that is alive, and no longer once another has taken over.
RunWriter RunWriter::attach(fs::path const& where) {
  RunWriter run(Run::attach(where));
  if (is_alive(run.path_ / Names::kSimulation)) {
    run.generation_ = read_holder(run.path_ / Names::kSimulation).generation;
  }
  return run;
}

void RunWriter::heartbeat() {
  if (simulation_) simulation_->heartbeat();
}

void RunWriter::write_metrics(MetricsSegment segment) {
  require(segment.first <= segment.last, "a metrics segment needs at least one round");
  contents_.metrics().refresh();
  auto const written = contents_.metrics().rounds();
  if (!written.empty() && written.back() >= segment.first) {
    if (written.back() >= segment.last) return;
    segment.first = written.back() + 1;
    segment.drop_until(written.back());
  }
  std::vector<std::int64_t> rounds(static_cast<std::size_t>(segment.last - segment.first + 1));
  std::iota(rounds.begin(), rounds.end(), segment.first);
  write_segment(contents_.metrics(), rounds, segment.bytes());
}

void RunWriter::write_analysis(std::string const& name, AnalysisSegment const& segment) {
  check_name(name);
  auto rounds = segment.rounds;
  std::sort(rounds.begin(), rounds.end());
  write_segment(contents_.analysis(name), rounds, segment.bytes(), segment.placeholder);
}

void RunWriter::check_analysis_name(std::string const& name) const {
  check_name(name);
  auto const names = analysis_names();
  require_input(std::find(names.begin(), names.end(), name) == names.end(),
                "run " + quoted(path_) + " already has an analysis '" + name +
                    "'; choose another name with --name");
}

void RunWriter::write_analysis_config(std::string const& name, std::string const& config_text) {
  check_name(name);
  writing([&] {
    auto const directory = path_ / Names::kBarriers / name;
    auto const target = directory / Names::kAnalysisConfig;
    auto const held = lock();
    require_current();
    if (is_removed(directory)) remove_directory(directory);  // the rest of what was killed
    require(!fs::exists(target), quoted(target) + " exists already");
    write_text(target, config_text, path_);
    contents_.publish(header_);
  });
}

void RunWriter::discard(std::int64_t round) {
  pending_.refresh();
  pending_.remove(round);
}

void RunWriter::publish_state(RowFileWriter& resume, std::int64_t keep) {
  writing([&] {
    auto const held = lock();
    require_current();
    resume.publish();
    prune_resume_states(resume_directory(), keep);
  });
}

void RunWriter::merge_segments() {
  writing([&] {
    auto const held = lock();
    require_current();
    contents_.merge_all();
    contents_.publish(header_);
  });
}

void RunWriter::mark_done(std::int64_t keep_states) {
  writing([&] {
    auto const held = lock();
    require_current();
    write_text(path_ / Names::kDone, "", path_);
    contents_.publish(header_);
    prune_resume_states(resume_directory(), keep_states);
  });
}

void RunWriter::publish_index() {
  writing([&] {
    auto const held = lock();
    contents_.publish(header_);
  });
}

}  // namespace fedstrata
