#pragma once
#include <string>

#include "experiments/sweep/sweep.hpp"

namespace fedstrata {

// What can be done with a sweep, a file each. Each returns the exit code.

/// Prints the cells, what is done and what the rest will cost (`jobs` as for jobs_of).
int plan_sweep(Sweep const& sweep, int jobs);

/// Prints where the cells stand.
int show_status(Sweep const& sweep);

/// Runs here what is not done, `jobs` cells at a time.
int run_sweep(Sweep const& sweep, int jobs);

/// Which cells are submitted, and how.
struct Submission {
  std::string script;  ///< of the batch system
  int throttle = 0;    ///< cells at a time; 0 = any number
  bool missing = false;
  bool failed = false;
};
/// Submits cells that are missing or interrupted, that failed, or both; never what runs or waits.
int submit_sweep(Sweep const& sweep, Submission const& asked);

/// Writes the tables of all cells.
int collect_sweep(Sweep const& sweep);

}  // namespace fedstrata
