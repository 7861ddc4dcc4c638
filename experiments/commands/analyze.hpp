#pragma once
#include <string>
#include <vector>

#include "common/config/command_line.hpp"

namespace fedstrata {

struct AnalyzeOptions {
  std::string target;  ///< directory of the run that gets the analysis
  std::string source;  ///< of which `out`, if it is given, is made: a run or a packed file
  std::string out;
  std::string name;    ///< of the analysis: posthoc or, with missing, insitu
  std::string config;  ///< file whose [analysis] is taken
  std::vector<std::string> set;
  std::string against;  ///< directory of another run
  int ranks = 0;        ///< to start; 0 = none: see SimulateOptions
  bool resume = false;
  bool missing = false;
};

Command<AnalyzeOptions> const& analyze_command();

/// Computes barriers between stored models. Collective over all ranks; `words` as for simulate().
/// Returns the exit code.
int analyze(AnalyzeOptions const& options, std::vector<std::string> const& words);

}  // namespace fedstrata
