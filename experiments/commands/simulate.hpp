#pragma once
#include <string>
#include <vector>

#include "common/config/command_line.hpp"

namespace fedstrata {

struct SimulateOptions {
  std::string target;  ///< config file or, with resume, the directory of a run
  std::string out;
  std::vector<std::string> set;
  int ranks = 0;  ///< to start; 0 = this process is all of them, or a launcher has started them
  bool resume = false;
  bool dry_run = false;
  bool print_config = false;
  bool allow_config_change = false;
  bool allow_idle_ranks = false;
};

Command<SimulateOptions> const& simulate_command();

/// Trains, averages, analyses and stores. Collective over all ranks; `words` is the command line as
/// given, by which ranks see that they are parts of one job. Returns the exit code.
int simulate(SimulateOptions const& options, std::vector<std::string> const& words);

}  // namespace fedstrata
