#include "common/store/upkeep/cleaning.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/text.hpp"
#include "common/config/options.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/run_writer.hpp"

// An index never names a file that is about to go: an analysis is marked, then the index is built
// without it, then its files go, the mark last. All else that is removed no index names.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Names = RunNames;

std::vector<fs::path> within(fs::path const& directory, std::vector<std::string> const& names) {
  std::vector<fs::path> files;
  for (auto const& name : names) files.push_back(directory / name);
  return files;
}

std::vector<fs::path> directories_of_analyses(fs::path const& run) {
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(run / Names::kBarriers, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->is_directory()) found.push_back(entry->path());
  std::ranges::sort(found);
  return found;
}

/// Rows that wait for the analysis of a run that is done, and its states but for one it may keep.
std::vector<fs::path> after_the_end(fs::path const& run, bool done,
                                    CheckpointConfig const& config) {
  auto const keep = !done ? config.keep_resume : std::int64_t{config.keep_state};
  auto files = within(run / Names::kResume, old_resume_states(run / Names::kResume, keep));
  if (done) {
    auto const pending = within(run / Names::kPending, list_files(run / Names::kPending, ".h5"));
    files.insert(files.end(), pending.begin(), pending.end());
  }
  return files;
}

/// Headers of earlier starts, and what is known of analyses that are not there.
std::vector<fs::path> of_the_past(fs::path const& run, std::vector<FileRecord> const& index) {
  std::vector<fs::path> files;
  auto const named = [&](std::string const& name) {
    return std::ranges::any_of(index,
                               [&](auto const& record) { return record.name.str() == name; });
  };
  for (auto const& name : list_files(run, ".h5"))
    if (name.starts_with("header") && !named(name) && name != newest_header(run))
      files.push_back(run / name);
  constexpr std::string_view kBegin = "analysis-", kEnd = ".journal";
  for (auto const& name : list_files(run / Names::kState, std::string(kEnd))) {
    if (!name.starts_with(kBegin)) continue;
    auto const analysis = name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
    auto const config = run / Names::kBarriers / analysis / Names::kAnalysisConfig;
    if (!fs::exists(config)) files.push_back(run / Names::kState / name);
  }
  return files;
}

std::vector<fs::path> unneeded(fs::path const& run, CheckpointConfig const& config) {
  auto const index = read_index(run);
  std::map<std::string, FileRecord> named;
  for (auto const& record : index) named[record.name.str()] = record;
  RunContents contents(run);
  contents.refresh();
  auto files = half_written_files(run);
  for (auto const& more : {after_the_end(run, fs::exists(run / Names::kDone), config),
                           of_the_past(run, index), within(run, contents.settled(named))})
    files.insert(files.end(), more.begin(), more.end());
  for (auto const& analysis : directories_of_analyses(run))
    if (is_removed(analysis))
      for (auto const& entry : fs::directory_iterator(analysis)) files.push_back(entry.path());
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

RemovedFile described(fs::path const& run, fs::path const& file) {
  std::error_code error;
  auto const bytes = fs::file_size(file, error);
  return {file.lexically_relative(run).string(), error ? 0 : static_cast<std::int64_t>(bytes)};
}

void remove_file(fs::path const& file) {
  std::error_code error;
  fs::remove(file, error);
  require(!error, "cannot remove " + quoted(file) + ": " + error.message());
}

void require_idle(fs::path const& run) {
  auto const holder = run / Names::kSimulation;
  require_input(!is_alive(holder), quoted(run) + " is in use by a simulation: " +
                                       read_holder(holder).str() + "; wait until it ends");
}

FileLock lock(fs::path const& run) { return FileLock::wait(run / Names::kIndexLock); }

CheckpointConfig config_of(fs::path const& run) {
  auto const text = read_header(run / newest_header(run)).config_text;
  return parse_config(text, run.string()).checkpoint;
}

/// Was the run killed after it was done, before the index said so?
bool index_lags(fs::path const& run) {
  auto const index = hdf5::File::open(run / Names::kIndex);
  return fs::exists(run / Names::kDone) && index.integer("/", "complete") == 0;
}

}  // namespace

std::vector<fs::path> half_written_files(fs::path const& run) {
  auto files = stale_temporaries(run);
  auto const add = [&](char const* directory, std::string const& extension) {
    auto const names = incomplete_shards(list_files(run / directory, extension), extension);
    for (auto const& file : within(run / directory, names)) files.push_back(file);
  };
  add(Names::kCheckpoints, ".h5");
  add(Names::kPending, ".h5");
  add(Names::kResume, ".state");
  return files;
}

void remove_directory(fs::path const& analysis) {
  std::error_code error;
  for (auto const& entry : fs::directory_iterator(analysis, error))
    if (entry.path().filename() != Names::kRemoved) fs::remove_all(entry.path());
  fs::remove(analysis / Names::kRemoved);
  fs::remove(analysis, error);
}

void require_writable(fs::path const& run, std::string const& instead) {
  for (auto const& directory : {run, run / Names::kState}) {
    bool const writable = ::access(directory.c_str(), W_OK | X_OK) == 0;
    auto const reason = writable ? std::string() : std::string(std::strerror(errno));
    require_input(writable, quoted(directory) + " cannot be written: " + reason + "; " + instead);
  }
}

std::vector<RemovedFile> clean_run(fs::path const& where) {
  auto const run = absolute_path(where);
  auto const problems = check_files(run, read_index(run), false);
  if (!problems.empty()) throw InputError(problems.front());
  require_writable(run, "clean it where it can be");
  require_idle(run);
  auto const config = config_of(run);
  // A kill may have come between a mark and the index.
  bool const marked = std::ranges::any_of(directories_of_analyses(run), is_removed);
  if (marked || index_lags(run)) RunWriter::attach(run).publish_index();
  auto const held = lock(run);
  require_idle(run);
  std::vector<RemovedFile> removed;
  for (auto const& file : unneeded(run, config)) {
    removed.push_back(described(run, file));
    if (file.filename() != Names::kRemoved) remove_file(file);
  }
  for (auto const& analysis : directories_of_analyses(run))
    if (is_removed(analysis)) remove_directory(analysis);
  return removed;
}

void tidy_run(fs::path const& where) {
  try {
    auto const run = absolute_path(where);
    if (!fs::exists(run / Names::kDone)) return;
    if (index_lags(run) || !unneeded(run, config_of(run)).empty()) clean_run(run);
  } catch (std::exception const&) {
    // It goes on as it is: nobody needs what is left, and another may do this.
  }
}

std::vector<RemovedFile> remove_analysis(fs::path const& where, std::string const& name) {
  auto const run = absolute_path(where);
  auto const directory = run / Names::kBarriers / name;
  auto const prefix = std::string(Names::kBarriers) + "/" + name + "/";
  std::set<std::string> names;
  bool named = false;
  for (auto const& record : read_index(run)) {
    fs::path const file = record.name.str();
    if (*file.begin() == Names::kBarriers) names.insert(std::next(file.begin())->string());
    named = named || record.name.str().starts_with(prefix);
  }
  std::vector<std::string> const all(names.begin(), names.end());
  require_input(named || is_removed(directory),
                "run " + quoted(run) + " has no analysis '" + name +
                    "' (it has: " + (all.empty() ? "none" : join(all, ", ")) + ")");
  require_writable(run, "remove the analysis where it can be");
  auto const journal = run / Names::kState / ("analysis-" + name + ".journal");
  require_input(!is_locked(journal), "a process works on the analysis '" + name + "' of " +
                                         quoted(run) + "; wait until it ends");
  auto writer = RunWriter::attach(run);
  std::vector<RemovedFile> removed;
  {
    auto const held = lock(run);
    require_idle(run);
    if (fs::is_directory(directory)) {
      for (auto const& entry : fs::directory_iterator(directory))
        if (entry.path().filename() != Names::kRemoved)
          removed.push_back(described(run, entry.path()));
      write_text(directory / Names::kRemoved, "");
    }
  }
  writer.publish_index();
  auto const held = lock(run);
  if (is_removed(directory)) remove_directory(directory);
  if (fs::exists(journal)) {
    removed.push_back(described(run, journal));
    remove_file(journal);
  }
  return removed;
}

}  // namespace fedstrata
