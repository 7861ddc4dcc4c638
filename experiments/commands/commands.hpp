#pragma once
#include <string>
#include <vector>

#include "common/config/options.hpp"

namespace fedstrata {

// The sub-commands. Each returns the exit code; `arguments` is the command line as given.

/// Collective over all ranks.
int simulate(CommandLine const& line, std::vector<std::string> const& arguments);
/// Collective over all ranks.
int analyze(CommandLine const& line, std::vector<std::string> const& arguments);

}  // namespace fedstrata
