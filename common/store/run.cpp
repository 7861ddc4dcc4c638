#include "common/store/run.hpp"

#include <algorithm>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/text.hpp"
#include "common/store/file_lock.hpp"
#include "common/store/names.hpp"
#include "common/store/upkeep/linked_run.hpp"

namespace fedstrata {

namespace fs = std::filesystem;
using Names = RunNames;

Run::Run(fs::path path, RunHeader header)
    : path_(std::move(path)),
      header_(std::move(header)),
      contents_(path_),
      pending_(path_ / Names::kPending) {}

Run Run::open(fs::path const& where, Verify verify) {
  auto const path = absolute_path(where);
  models_of(path);
  auto const problems = check_files(path, read_index(path), verify == Verify::everything);
  if (!problems.empty()) throw InputError(problems.front());
  try {
    return attach(path);
  } catch (Error const& error) {
    throw InputError(error.what());
  }
}

Run Run::attach(fs::path const& where) {
  auto const path = absolute_path(where);
  return {path, read_header(path / newest_header(path))};
}

fs::path Run::script() const { return path_ / Names::kModel; }

bool Run::complete() const { return fs::exists(path_ / Names::kDone); }

std::string Run::simulated_by() const {
  auto const holder = path_ / Names::kSimulation;
  return is_alive(holder) ? read_holder(holder).str() : "";
}

std::vector<FileRecord> Run::files() const { return read_index(path_); }

std::vector<CheckpointInfo> Run::checkpoints() const {
  std::vector<CheckpointInfo> result;
  for (auto* files : {&contents_.checkpoints(), &pending_}) {
    files->refresh();
    for (auto const& [round, names] : files->complete()) {
      result.push_back(files->info(round));
      result.back().kept = files != &pending_;
    }
  }
  std::ranges::sort(result, {}, &CheckpointInfo::round);
  return result;
}

void Run::read(std::int64_t round, RowKind kind, std::int64_t client, std::span<float> row,
               std::span<float> buffers) const {
  auto& kept = contents_.checkpoints();
  if (!kept.complete().contains(round) && !pending_.complete().contains(round)) {
    kept.refresh();
    pending_.refresh();
  }
  (pending_.complete().contains(round) ? pending_ : kept).read(round, kind, client, row, buffers);
}

Series const& Run::metrics_series() const {
  contents_.metrics().refresh();
  return contents_.metrics();
}

Series const& Run::analysis_series(std::string const& name) const {
  contents_.analysis(name).refresh();
  return contents_.analysis(name);
}

std::vector<std::string> Run::analysis_names() const {
  contents_.refresh();
  return contents_.analysis_names();
}

bool Run::has_analysis(std::string const& name) const {
  auto const directory = path_ / Names::kBarriers / name;
  return fs::exists(directory / Names::kAnalysisConfig) && !is_removed(directory);
}

std::vector<std::int64_t> Run::analysed_rounds(std::string const& name) const {
  return analysis_series(name).rounds();
}

std::string Run::analysis_config(std::string const& name) const {
  if (has_analysis(name)) {
    return read_text(path_ / Names::kBarriers / name / Names::kAnalysisConfig);
  }
  auto const names = analysis_names();
  throw InputError("run " + quoted(path_) + " has no analysis '" + name +
                   "' (it has: " + (names.empty() ? "none" : join(names, ", ")) + ")");
}

fs::path Run::resume_directory() const { return path_ / Names::kResume; }

fs::path Run::analysis_journal(std::string const& name) const {
  return path_ / Names::kState / ("analysis-" + name + ".journal");
}

}  // namespace fedstrata
