#pragma once
#include <string>
#include <vector>

#include "common/config/options.hpp"
#include "experiments/sweep/cells.hpp"
#include "experiments/sweep/directory.hpp"
#include "experiments/sweep/slurm_queue.hpp"

namespace fedstrata {

/// A sweep file, its cells and where they lie.
struct Sweep {
  SweepFile file;
  std::string text;  ///< of the file
  std::vector<SweepCell> cells;
  SweepDirectory directory;
  SlurmQueue queue;

  /// Of all cells, in their order; asks the queue where cells were submitted.
  std::vector<CellStatus> status() const;
};

/// Does what `fedstrata sweep` was asked for; returns the exit code.
int sweep(CommandLine const& line);

/// Cells of `jobs` or, when it is 0, as many at a time as the cores allow.
int jobs_of(Sweep const& sweep, int jobs);

// The actions. Each returns the exit code.
int plan_sweep(Sweep const& sweep, int jobs);
int run_sweep(Sweep const& sweep, int jobs);
int show_status(Sweep const& sweep);
int submit_sweep(Sweep const& sweep, CommandLine const& line);
int collect_sweep(Sweep const& sweep);

}  // namespace fedstrata
