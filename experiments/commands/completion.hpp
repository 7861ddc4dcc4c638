#pragma once
#include <string>
#include <vector>

#include "experiments/commands/program.hpp"

namespace fedstrata {

/// A script for bash that completes command lines of fedstrata: commands, actions, options, files
/// and directories of their kind, keys of the configuration and, where a key has a list of them,
/// its values.
std::string bash_completion(std::vector<ProgramCommand> const& commands);

}  // namespace fedstrata
