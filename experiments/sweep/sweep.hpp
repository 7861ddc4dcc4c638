#pragma once
#include <string>
#include <vector>

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

/// Reads a sweep file; the sweep lies in `out` or, when that is empty, where the file says. Throws
/// InputError.
Sweep open_sweep(std::string const& path, std::string const& out);

/// Cells of `jobs` or, when it is 0, as many at a time as the cores allow.
int jobs_of(Sweep const& sweep, int jobs);

}  // namespace fedstrata
