#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fedstrata {

// What goes from a run that nobody needs (fedstrata inspect --clean, --remove). A kill at any
// instant leaves a run that is whole, and files that the next cleaning takes.

struct RemovedFile {
  std::string name;  ///< relative to the run
  std::int64_t bytes = 0;
};

/// Removes what no reader of the run needs: temporary files and incomplete sets of files that a
/// kill left, resume states beyond those that the run keeps, segments that were merged, headers of
/// earlier starts, the rest of analyses that were removed. Throws InputError: no run, a file is
/// missing or damaged (nothing is removed then), the run is alive or cannot be written.
std::vector<RemovedFile> clean_run(std::filesystem::path const& run);

/// The same for a run that is done, if something is left to be removed and it can be; no error is
/// told.
void tidy_run(std::filesystem::path const& run);

/// Takes an analysis out of the index, then removes its files, as far as they are there. Throws
/// InputError: no run, no such analysis, the run is alive, a process works on the analysis.
std::vector<RemovedFile> remove_analysis(std::filesystem::path const& run, std::string const& name);

/// What a killed process left in a run that nobody simulates: temporary files, sets of files that
/// never became complete.
std::vector<std::filesystem::path> half_written_files(std::filesystem::path const& run);

/// Removes barriers/NAME, the mark that says so (RunNames::kRemoved) last.
void remove_directory(std::filesystem::path const& analysis);

/// Throws InputError when the run's directory cannot be written; `instead` is what to do then.
void require_writable(std::filesystem::path const& run, std::string const& instead);

}  // namespace fedstrata
