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

bool wanted(CellStage stage, Submission const& asked) {
  return (asked.missing && (stage == CellStage::missing || stage == CellStage::interrupted)) ||
         (asked.failed && stage == CellStage::failed);
}

}  // namespace

int submit_sweep(Sweep const& sweep, Submission const& asked) {
  require_input(has_program("sbatch"),
                "sbatch is not there: this machine has no Slurm; `fedstrata sweep run` needs none");
  require_input(std::filesystem::is_regular_file(asked.script),
                "'" + asked.script +
                    "' is not a batch script; submit from the project's root or "
                    "name it with --script");
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
  sweep.directory.prepare(cells, sweep.text);
  // The batch script starts this very program.
  setenv("FEDSTRATA_BINARY", std::filesystem::read_symlink("/proc/self/exe").c_str(), 0);
  auto const directory = std::filesystem::absolute(sweep.directory.path());
  std::vector<std::string> options = {
      "--job-name=" + sweep.file.name, "--ntasks=" + std::to_string(sweep.file.ranks),
      "--output=" + (directory / "logs" / "slurm-%A_%a.log").string()};
  int threads = 0;
  for (auto const& cell : cells) threads = std::max(threads, cell.config.run.threads);
  if (threads > 0) options.push_back("--cpus-per-task=" + std::to_string(threads));
  auto const jobs = SlurmQueue(directory / "jobs")
                        .submit(names, options, {asked.script, directory.string()}, asked.throttle);
  std::printf("%zu cells submitted: %s %s\n", cells.size(), jobs.size() == 1 ? "job" : "jobs",
              join(jobs, ", ").c_str());
  return 0;
}

}  // namespace fedstrata
