#include "common/store/run_directory.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <set>

#include "common/base/child_process.hpp"
#include "common/base/error.hpp"
#include "common/base/names.hpp"
#include "common/base/text.hpp"
#include "common/store/file_lock.hpp"
#include "common/store/index.hpp"
#include "common/store/run_names.hpp"
#include "common/store/shard_names.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Names = RunNames;

template <class Record>
std::vector<std::byte> bytes_of(std::vector<Record> const& records) {
  auto const bytes = std::as_bytes(std::span(records));
  return {bytes.begin(), bytes.end()};
}

// What a start that was killed before its first index, or a batch system, may have left.
bool is_leftover(fs::path const& path) {
  auto const name = path.filename().string();
  auto const extension = path.extension();
  return name.starts_with('.') || name == Names::kState || name == "progress.csv" ||
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

/// Drops rows of rounds that are not after `last`.
template <class Record>
void drop_until(std::vector<Record>& records, std::int64_t last) {
  std::erase_if(records, [&](Record const& record) { return record.round <= last; });
}

/// Shards of sets that never became complete.
void remove_incomplete(fs::path const& directory, std::string const& extension) {
  auto const names = list_files(directory, extension);
  std::set<std::string> complete;
  for (auto const& [round, shards] : complete_shards(names, extension)) {
    complete.insert(shards.begin(), shards.end());
  }
  for (auto const& name : names) {
    if (parse_shard_name(name, extension) && !complete.contains(name)) fs::remove(directory / name);
  }
}

// What HDF5 opens when the index is built, relative to the run.
std::vector<std::string> hdf5_files(fs::path const& run) {
  std::vector<std::string> directories{Names::kMetrics, Names::kCheckpoints};
  std::error_code error;
  for (auto entry = fs::directory_iterator(run / Names::kBarriers, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    directories.push_back(entry->path().lexically_relative(run).string());
  std::vector<std::string> names{newest_header(run)};
  for (auto const& directory : directories)
    for (auto const& file : list_files(run / directory, ".h5")) {
      names.push_back(directory + "/");
      names.back() += file;
    }
  return names;
}

// Reads what a reader of the run may want from one of its files.
void try_reading(fs::path const& run, std::string const& name) {
  fs::path const directory = (run / name).parent_path(), file = fs::path(name).filename();
  if (directory == run)
    read_header(run / name);
  else if (name.starts_with(Names::kCheckpoints))
    CheckpointFiles(directory).try_reading(file.string());
  else
    Series(directory, name.starts_with(Names::kMetrics) ? metrics_tables() : analysis_tables())
        .try_reading(file.string());
}

fs::path absolute_path(fs::path const& path) {
  auto result = fs::absolute(path).lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

}  // namespace

struct RunDirectory::State {
  fs::path path;
  RunHeader header;
  RunContents contents;
  CheckpointFiles pending;
  std::optional<SimulationLock> simulation;
  std::int64_t generation = 0;  // of the simulation this handle writes for; 0: of none

  explicit State(fs::path const& directory)
      : path(directory), contents(directory), pending(directory / Names::kPending) {}

  FileLock lock() const { return FileLock::wait(path / Names::kIndexLock); }

  void require_current() const {
    if (generation == 0) return;
    auto const holder = read_holder(path / Names::kSimulation);
    require(holder.generation <= generation,
            quoted(path) + " was taken over by " + holder.str() +
                " with a newer generation; this older simulation must not write to it");
  }

  // Failures of the disk leave what was complete valid; say so, and where.
  template <class Work>
  void writing(Work work) const {
    try {
      work();
    } catch (InputError const&) {
      throw;
    } catch (std::exception const& error) {
      throw Error("cannot write to run " + quoted(path) + " (" + error.what() +
                  "); what was complete before stays valid");
    }
  }

  void write_segment(Series& series, std::vector<std::int64_t> const& rounds,
                     std::vector<std::vector<std::byte>> data, bool placeholder = false) {
    writing([&] {
      auto const file = series.write(rounds, data, placeholder);
      auto const sum = file->sync();
      auto const held = lock();
      require_current();
      series.refresh();
      series.require_new(rounds);
      file->publish();
      contents.remember(file->target().lexically_relative(path).string(), sum);
      series.refresh();
      series.merge();
      contents.publish(header);
    });
  }
};

struct CheckpointWriter::State {
  RunDirectory::State& run;
  ShardFile file;
};

CheckpointWriter::CheckpointWriter(RunDirectory& run, CheckpointShard shard) {
  auto& owner = *run.state_;
  owner.writing([&] {
    auto const directory = owner.path / (shard.keep ? Names::kCheckpoints : Names::kPending);
    auto const& table = owner.header.table;
    state_ = std::unique_ptr<State>(
        new State{owner, {directory, std::move(shard), table.parameter_count, table.buffer_count}});
  });
}

CheckpointWriter::CheckpointWriter(CheckpointWriter&&) noexcept = default;
CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::write(RowKind kind, std::int64_t client, std::span<float const> row,
                             std::span<float const> buffers) {
  state_->run.writing([&] { state_->file.write(kind, client, row, buffers); });
}

void CheckpointWriter::commit() {
  auto& run = state_->run;
  run.writing([&] {
    state_->file.close();
    auto& file = state_->file.file();
    auto const sum = file.sync();
    auto const held = run.lock();
    run.require_current();
    require(!fs::exists(file.target()), "'" + file.target().string() + "' exists already");
    file.publish();
    if (!state_->file.shard().keep) return;
    run.contents.remember(file.target().lexically_relative(run.path).string(), sum);
    run.contents.publish(run.header);
  });
}

void RunDirectory::check_creatable(fs::path const& where) {
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
  require_input(::access(ancestor.c_str(), W_OK | X_OK) == 0,
                "cannot write to " + quoted(ancestor) + ": " + std::strerror(errno) +
                    "; choose another --out");
  if (is_alive(path / Names::kSimulation))
    throw InputError(quoted(path) +
                     " is in use by a simulation: " + read_holder(path / Names::kSimulation).str() +
                     "; wait for it or choose another --out");
}

RunDirectory RunDirectory::create(fs::path const& where, RunHeader const& header) {
  check_creatable(where);
  auto const path = absolute_path(where);
  auto const made = missing_directories(path / Names::kState);
  try {
    std::error_code error;
    fs::create_directories(path / Names::kState, error);
    require_input(!error, "cannot make directory " + quoted(path) + ": " + error.message() +
                              "; choose another --out");
    auto state = std::make_unique<State>(path);
    state->header = header;
    state->writing([&] {
      auto const held = state->lock();
      check_empty(path);
      state->simulation = SimulationLock::take(path / Names::kSimulation);
      state->generation = state->simulation->generation();
      NewFile file(path / Names::kHeader);
      write_header(file.temporary(), header);
      state->contents.remember(Names::kHeader, file.sync());
      file.publish();
      if (!header.script.empty()) write_text(path / Names::kModel, read_text(header.script));
      state->contents.publish(header);
    });
    return RunDirectory(std::move(state));
  } catch (...) {
    std::error_code ignored;
    if (!fs::exists(path / Names::kIndex, ignored) && !made.empty())
      fs::remove_all(made.front(), ignored);
    throw;
  }
}

RunDirectory RunDirectory::resume(fs::path const& where, std::string const& config_text,
                                  ProvenanceRecord const& start) {
  auto run = open(where, Verify::tables);
  auto& state = *run.state_;
  state.writing([&] {
    auto const held = state.lock();
    state.simulation = SimulationLock::take(state.path / Names::kSimulation);
    state.generation = state.simulation->generation();
    for (auto const* directory : {Names::kCheckpoints, Names::kPending}) {
      remove_incomplete(state.path / directory, ".h5");
    }
    remove_incomplete(state.path / Names::kResume, ".state");
    remove_stale_temporaries(state.path);
    fs::remove(state.path / Names::kDone);
    auto const last = newest_header(state.path);
    state.header.config_text = config_text;
    state.header.provenance.push_back(start);
    NewFile file(state.path / ("header-" + round_text(state.generation) + ".h5"));
    write_header(file.temporary(), state.header);
    file.sync();
    file.publish();
    state.contents.publish(state.header);
    for (auto const& name : list_files(state.path, ".h5")) {
      bool const older =
          name.starts_with("header") && name != last && name != newest_header(state.path);
      if (older) fs::remove(state.path / name);
    }
  });
  return run;
}

RunDirectory RunDirectory::attach(fs::path const& where) {
  auto state = std::make_unique<State>(absolute_path(where));
  state->header = read_header(state->path / newest_header(state->path));
  if (is_alive(state->path / Names::kSimulation))
    state->generation = read_holder(state->path / Names::kSimulation).generation;
  return RunDirectory(std::move(state));
}

RunDirectory RunDirectory::open(fs::path const& where, Verify verify) {
  auto state = std::make_unique<State>(absolute_path(where));
  auto const problems =
      check_files(state->path, read_index(state->path), verify == Verify::everything);
  if (!problems.empty()) throw InputError(problems.front());
  try {
    state->header = read_header(state->path / newest_header(state->path));
  } catch (Error const& error) {
    throw InputError(error.what());
  }
  return RunDirectory(std::move(state));
}

RunDirectory::RunDirectory(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunDirectory::RunDirectory(RunDirectory&&) noexcept = default;
RunDirectory& RunDirectory::operator=(RunDirectory&&) noexcept = default;
RunDirectory::~RunDirectory() = default;

fs::path const& RunDirectory::path() const { return state_->path; }
fs::path RunDirectory::script() const { return state_->path / Names::kModel; }
RunHeader const& RunDirectory::header() const { return state_->header; }

void RunDirectory::heartbeat() {
  if (state_->simulation) state_->simulation->heartbeat();
}

void RunDirectory::write_metrics(MetricsSegment segment) {
  require(segment.first <= segment.last, "a metrics segment needs at least one round");
  state_->contents.metrics().refresh();
  auto const written = state_->contents.metrics().rounds();
  if (!written.empty() && written.back() >= segment.first) {
    if (written.back() >= segment.last) return;
    segment.first = written.back() + 1;
    drop_until(segment.rounds, written.back());
    drop_until(segment.clients, written.back());
    drop_until(segment.layers, written.back());
  }
  std::vector<std::int64_t> rounds(static_cast<std::size_t>(segment.last - segment.first + 1));
  std::iota(rounds.begin(), rounds.end(), segment.first);
  state_->write_segment(
      state_->contents.metrics(), rounds,
      {bytes_of(segment.rounds), bytes_of(segment.clients), bytes_of(segment.layers)});
}

void RunDirectory::write_analysis(std::string const& name, AnalysisSegment const& segment) {
  check_name(name);
  auto rounds = segment.rounds;
  std::sort(rounds.begin(), rounds.end());
  state_->write_segment(
      state_->contents.analysis(name), rounds,
      {bytes_of(segment.points), bytes_of(segment.barriers), bytes_of(segment.skipped),
       bytes_of(segment.geometry), bytes_of(segment.spread), bytes_of(segment.plane),
       bytes_of(segment.permutations), bytes_of(segment.unit_axes)},
      segment.placeholder);
}

void RunDirectory::check_analysis_name(std::string const& name) const {
  check_name(name);
  auto const names = analysis_names();
  require_input(std::find(names.begin(), names.end(), name) == names.end(),
                "run '" + path().string() + "' already has an analysis '" + name +
                    "'; choose another name with --name");
}

bool RunDirectory::has_analysis(std::string const& name) const {
  return fs::exists(path() / Names::kBarriers / name / Names::kAnalysisConfig);
}

void RunDirectory::writing(std::function<void()> const& work) const { state_->writing(work); }

void RunDirectory::publish_state(ResumeWriter& resume, std::int64_t keep) {
  state_->writing([&] {
    auto const held = state_->lock();
    state_->require_current();
    resume.publish();
    prune_resume_states(resume_directory(), keep);
  });
}

fs::path RunDirectory::resume_directory() const { return path() / Names::kResume; }

void RunDirectory::write_analysis_config(std::string const& name, std::string const& config_text) {
  check_name(name);
  state_->writing([&] {
    auto const target = state_->path / Names::kBarriers / name / Names::kAnalysisConfig;
    auto const held = state_->lock();
    state_->require_current();
    require(!fs::exists(target), quoted(target) + " exists already");
    write_text(target, config_text);
    state_->contents.publish(state_->header);
  });
}

std::vector<CheckpointInfo> RunDirectory::checkpoints() const {
  std::vector<CheckpointInfo> result;
  for (auto* files : {&state_->contents.checkpoints(), &state_->pending}) {
    files->refresh();
    for (auto const& [round, names] : files->complete()) {
      result.push_back(files->info(round));
      result.back().kept = files != &state_->pending;
    }
  }
  std::sort(result.begin(), result.end(),
            [](auto const& a, auto const& b) { return a.round < b.round; });
  return result;
}

void RunDirectory::read(std::int64_t round, RowKind kind, std::int64_t client, std::span<float> row,
                        std::span<float> buffers) const {
  auto& kept = state_->contents.checkpoints();
  auto& pending = state_->pending;
  if (!kept.complete().contains(round) && !pending.complete().contains(round)) {
    kept.refresh();
    pending.refresh();
  }
  (pending.complete().contains(round) ? pending : kept).read(round, kind, client, row, buffers);
}

void RunDirectory::discard(std::int64_t round) {
  state_->pending.refresh();
  state_->pending.remove(round);
}

std::vector<RoundRecord> RunDirectory::round_records() const {
  auto& series = state_->contents.metrics();
  series.refresh();
  return series.read<RoundRecord>(0);
}

std::vector<ClientRecord> RunDirectory::client_records() const {
  auto& series = state_->contents.metrics();
  series.refresh();
  return series.read<ClientRecord>(1);
}

std::vector<BarrierRecord> RunDirectory::barrier_records(std::string const& name) const {
  auto& series = state_->contents.analysis(name);
  series.refresh();
  return series.read<BarrierRecord>(1);
}

std::vector<std::string> RunDirectory::analysis_names() const {
  state_->contents.refresh();
  return state_->contents.analysis_names();
}

std::vector<std::int64_t> RunDirectory::analysed_rounds(std::string const& name) const {
  auto& series = state_->contents.analysis(name);
  series.refresh();
  return series.rounds();
}

std::string RunDirectory::analysis_config(std::string const& name) const {
  auto const file = state_->path / Names::kBarriers / name / Names::kAnalysisConfig;
  if (fs::exists(file)) return read_text(file);
  auto const names = analysis_names();
  throw InputError("run " + quoted(path()) + " has no analysis '" + name +
                   "' (it has: " + (names.empty() ? "none" : join(names, ", ")) + ")");
}

fs::path RunDirectory::analysis_journal(std::string const& name) const {
  return state_->path / Names::kState / ("analysis-" + name + ".journal");
}

std::vector<FileRecord> RunDirectory::files() const { return read_index(state_->path); }

bool RunDirectory::complete() const { return fs::exists(state_->path / Names::kDone); }

std::string RunDirectory::simulated_by() const {
  auto const holder = state_->path / Names::kSimulation;
  return is_alive(holder) ? read_holder(holder).str() : "";
}

void RunDirectory::publish_index() {
  state_->writing([&] {
    auto const held = state_->lock();
    state_->contents.publish(state_->header);
  });
}

RunDirectory RunDirectory::rebuild_index(fs::path const& where) {
  auto const path = absolute_path(where);
  require_input(fs::exists(path / newest_header(path)),
                quoted(path) + " is not a run: it has no " + Names::kHeader);
  std::set<std::string> checked;
  for (auto const& record : read_index_if_intact(path)) {
    auto const problems = check_files(path, {record});
    if (!problems.empty()) throw InputError(problems.front());
    if (!record.checksum.str().empty()) checked.insert(record.name.str());
  }
  constexpr unsigned kLongest = 60;  // seconds for one file
  for (auto const& name : hdf5_files(path)) {
    if (checked.contains(name)) continue;
    try {
      in_child([&] { try_reading(path, name); }, kLongest);
    } catch (Error const& error) {
      throw InputError(quoted(path / name) + " cannot be used (" + error.what() +
                       "); remove it or restore it from a copy");
    }
  }
  try {
    auto run = attach(path);
    run.publish_index();
    return run;
  } catch (InputError const&) {
    throw;
  } catch (Error const& error) {
    throw InputError(error.what());
  }
}

std::vector<std::string> RunDirectory::verify(fs::path const& path) {
  auto const directory = absolute_path(path);
  return check_files(directory, read_index(directory));
}

void RunDirectory::pack(fs::path const& path, fs::path const& out) {
  auto const directory = absolute_path(path);
  auto const target = absolute_path(out);
  require_input(!fs::exists(target), quoted(target) + " exists; choose another --pack");
  require_input(fs::is_directory(target.parent_path()),
                "there is no directory " + quoted(target.parent_path()) + " to pack into");
  auto const problems = check_files(directory, read_index(directory));
  if (!problems.empty()) throw InputError(problems.front());
  try {
    NewFile file(target);
    // HDF5 crashes on virtual datasets whose sources are not what they were made for.
    constexpr unsigned kLongest = 24 * 3600;
    in_child(
        [&] {
          auto packed = hdf5::File::create(file.temporary());
          hdf5::File::open(directory / Names::kIndex).copy_to(packed, {"files"});
          packed.close();
        },
        kLongest);
    file.sync();
    file.publish();
  } catch (Error const& error) {
    throw Error("cannot pack into " + quoted(target) + " (" + error.what() + ")");
  }
}

void RunDirectory::mark_done() {
  state_->writing([&] {
    auto const held = state_->lock();
    state_->require_current();
    write_text(state_->path / Names::kDone, "");
    state_->contents.publish(state_->header);
  });
}

}  // namespace fedstrata
