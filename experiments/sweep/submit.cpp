#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "experiments/sweep/actions.hpp"
#include "experiments/sweep/processes.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

fs::path this_program() { return fs::read_symlink("/proc/self/exe"); }

/// The batch script: that of the working directory, where the user may have one, or the one that
/// belongs to this program, installed or built in its source tree.
std::string batch_script() {
  fs::path const name = "slurm/sweep.sbatch";
  auto const bin = this_program().parent_path();
  for (auto const& directory : {fs::path(), (bin / FEDSTRATA_DATA_DIR).lexically_normal(),
                                bin.parent_path().parent_path()}) {
    if (fs::is_regular_file(directory / name)) return directory / name;
  }
  throw InputError("there is no " + name.string() +
                   ", neither here nor where fedstrata is installed; name a batch script with "
                   "--script");
}

bool wanted(CellStage stage, Submission const& asked) {
  return (asked.missing && (stage == CellStage::missing || stage == CellStage::interrupted)) ||
         (asked.failed && stage == CellStage::failed);
}

}  // namespace

int submit_sweep(Sweep const& sweep, Submission const& asked) {
  require_input(has_program("sbatch"),
                "sbatch is not there: this machine has no Slurm; `fedstrata sweep run` needs none");
  auto const script = asked.script.empty() ? batch_script() : asked.script;
  require_input(fs::is_regular_file(script),
                "--script " + script + " is no file; name a batch script, or leave it out");
  auto const status = sweep.status();
  std::vector<SweepCell> cells;
  std::vector<std::string> names;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < status.size(); ++i) {
    failed += status[i].stage == CellStage::failed ? 1 : 0;
    if (!wanted(status[i].stage, asked)) continue;
    cells.push_back(sweep.cells[i]);
    names.push_back(sweep.cells[i].name);
  }
  if (!asked.failed && failed > 0) {
    std::printf(
        "%zu cells that failed are left out: see fedstrata sweep status, resubmit --failed\n",
        failed);
  }
  if (cells.empty()) {
    std::printf("nothing to submit: see fedstrata sweep status\n");
    return 0;
  }
  sweep.directory.prepare(cells, sweep.text, sweep.file.source);
  // The batch script starts this very program.
  setenv("FEDSTRATA_BINARY", this_program().c_str(), 0);
  auto const directory = fs::absolute(sweep.directory.path());
  std::vector<std::string> options = {
      "--job-name=" + sweep.file.name, "--ntasks=" + std::to_string(sweep.file.ranks),
      "--output=" + (directory / "logs" / "slurm-%A_%a.log").string()};
  int threads = 0;
  for (auto const& cell : cells) threads = std::max(threads, cell.config.run.threads);
  if (threads > 0) options.push_back("--cpus-per-task=" + std::to_string(threads));
  auto const jobs = SlurmQueue(directory / "jobs")
                        .submit(names, options, {script, directory.string()}, asked.throttle);
  std::printf("%zu cells submitted: %s %s\n", cells.size(), jobs.size() == 1 ? "job" : "jobs",
              join(jobs, ", ").c_str());
  return 0;
}

}  // namespace fedstrata
