#include "experiments/sweep/sweep.hpp"

#include <algorithm>
#include <thread>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/config/syntax.hpp"

namespace fedstrata {
namespace {

/// Where the sweep lies. Up to 0.1.0 a relative sweep.dir began at the working directory: a sweep
/// that is found there alone is not begun a second time.
SweepDirectory directory_of(SweepFile const& file, std::string const& out) {
  if (!out.empty()) return SweepDirectory(out);
  SweepDirectory const here(file.directory), former(file.former_directory);
  require_input(SweepDirectory::is_one(here.path()) || !SweepDirectory::is_one(former.path()),
                file.source + ": the sweep belongs into " + quoted(here.path()) +
                    ", where there is none yet, but there is one in " + quoted(former.path()) +
                    ", for sweep.dir was relative to the working directory up to 0.1.0 and is "
                    "relative to the sweep file now; move it there, or name either with --out");
  return here;
}

/// Of what is no sweep file but belongs to a sweep: which file is meant.
void check_target(std::filesystem::path const& path) {
  bool const directory = std::filesystem::is_directory(path);
  SweepDirectory const sweep(directory ? path : path.parent_path());
  if (!SweepDirectory::is_one(sweep.path())) return;
  auto const file = sweep.sweep_file();
  bool const copy = path.filename() == "sweep.ini" && !file.empty() &&
                    std::filesystem::absolute(path).lexically_normal() != file;
  require_input(!directory && !copy,
                quoted(path) + (directory ? " is the directory of a sweep" : " is a copy") +
                    "; give the sweep file itself" + (file.empty() ? "" : ", " + quoted(file)));
}

}  // namespace

Sweep open_sweep(std::string const& path, std::string const& out) {
  check_target(path);
  auto text = read_input(path, "sweep file");
  auto file = parse_sweep(text, path);
  auto cells =
      sweep_cells(file, read_input(file.base, "config file", file.base_source + ": sweep.base: "));
  auto const directory = directory_of(file, out);
  directory.keep_names(cells);
  return {std::move(file), std::move(text), std::move(cells), directory,
          SlurmQueue(directory.jobs())};
}

std::vector<CellStatus> Sweep::status() const {
  auto const view = queue.view();
  std::vector<CellStatus> result;
  for (auto const& cell : cells) result.push_back(directory.status(cell.name, view));
  return result;
}

int jobs_of(Sweep const& sweep, int jobs) {
  int const cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  int threads = 1;
  for (auto const& cell : sweep.cells) {
    int const asked = cell.config.run.threads;
    threads = std::max(threads, asked == 0 ? cores : asked);
  }
  int const needed = sweep.file.ranks * threads;
  if (jobs == 0) return std::max(1, cores / needed);
  if (jobs > 1 && jobs * needed > cores) {
    log::warning("--jobs " + std::to_string(jobs) + " uses " + std::to_string(jobs * needed) +
                 " threads (" + std::to_string(sweep.file.ranks) + " ranks, " +
                 std::to_string(threads) + " threads each) on " + std::to_string(cores) +
                 " cores; fewer cells at a time may end sooner");
  }
  return jobs;
}

}  // namespace fedstrata
