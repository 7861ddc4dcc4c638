#include "common/store/upkeep/maintenance.hpp"

#include <set>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/process/child_process.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"
#include "common/store/run_writer.hpp"
#include "common/store/upkeep/packed_script.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Names = RunNames;

// What HDF5 opens when the index is built, relative to the run.
std::vector<std::string> hdf5_files(fs::path const& run) {
  std::vector<std::string> directories{Names::kMetrics, Names::kCheckpoints};
  std::error_code error;
  for (auto entry = fs::directory_iterator(run / Names::kBarriers, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (!is_removed(entry->path()))
      directories.push_back(entry->path().lexically_relative(run).string());
  std::vector<std::string> names{newest_header(run)};
  for (auto const& directory : directories)
    for (auto const& file : list_files(run / directory, ".h5")) {
      names.push_back(directory + "/");
      names.back() += file;
    }
  return names;
}

// Is it a file of an analysis whose directory somebody removed?
bool is_of_lost_analysis(fs::path const& run, fs::path const& name) {
  return *name.begin() == Names::kBarriers && !fs::exists((run / name).parent_path());
}

// Reads what a reader of the run may want from one of its files.
void try_reading(fs::path const& run, std::string const& name) {
  fs::path const directory = (run / name).parent_path(), file = fs::path(name).filename();
  if (directory == run)
    read_header(run / name);
  else if (name.starts_with(Names::kCheckpoints))
    CheckpointFiles(directory).try_reading(file.string());
  else
    Series(directory,
           name.starts_with(Names::kMetrics) ? MetricsTables::kinds() : AnalysisTables::kinds())
        .try_reading(file.string());
}

}  // namespace

std::vector<std::string> verify_run(fs::path const& path) {
  auto const directory = absolute_path(path);
  return check_files(directory, read_index(directory));
}

Run rebuild_index(fs::path const& where) {
  auto const path = absolute_path(where);
  require_input(fs::exists(path / newest_header(path)),
                quoted(path) + " is not a run: it has no " + Names::kHeader);
  std::set<std::string> checked;
  for (auto const& record : read_index_if_intact(path)) {
    if (is_of_lost_analysis(path, record.name.str())) continue;
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
    RunWriter::attach(path).publish_index();
    return Run::attach(path);
  } catch (InputError const&) {
    throw;
  } catch (Error const& error) {
    throw InputError(error.what());
  }
}

void pack_run(fs::path const& path, fs::path const& out) {
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
          pack_script(directory / Names::kModel, packed);
          packed.close();
        },
        kLongest);
    file.sync();
    file.publish();
  } catch (Error const& error) {
    throw Error("cannot pack into " + quoted(target) + " (" + error.what() + ")");
  }
}

}  // namespace fedstrata
