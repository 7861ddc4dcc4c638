#pragma once
#include <string>
#include <vector>

#include "experiments/commands/program.hpp"

namespace fedstrata {

/// The manual page, section 1, in troff with the macros of man: all commands with their options,
/// all keys of the configuration, exit codes.
std::string manual(std::vector<ProgramCommand> const& commands);

}  // namespace fedstrata
