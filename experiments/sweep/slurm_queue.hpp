#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/sweep/directory.hpp"

namespace fedstrata {

/// Slurm as a sweep uses it: sbatch, squeue and scontrol. What was submitted lies in a directory of
/// small files, so that nobody has to stay around: NNN.cells has the cells of one array, a name a
/// line, NNN.job the array's number.
class SlurmQueue {
 public:
  explicit SlurmQueue(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// Submitted cells that wait or run. Asks squeue once, if anything was submitted; when that
  /// fails, warns and knows of none.
  QueueView view() const;

  /// Submits the script as arrays over the cells, each within Slurm's MaxArraySize; returns their
  /// numbers. `throttle` > 0: at most so many cells at a time, arrays one after another. Throws
  /// InputError with Slurm's reason when it takes none of them, Error when it takes only some.
  std::vector<std::string> submit(std::vector<std::string> const& cells,
                                  std::vector<std::string> const& options,
                                  std::vector<std::string> const& command, int throttle) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace fedstrata
