#pragma once
#include <string>
#include <vector>

namespace fedstrata {

// The commands and their options, described once; options.hpp is what others use.

/// One option of a command.
struct CommandOption {
  std::string name;   ///< without the dashes
  std::string value;  ///< name of its value in the help, "" for a switch
  std::string help;
};

/// The options of a command.
std::vector<CommandOption> const& command_options(std::string const& command);

/// Throws InputError, with the nearest, unless `command` is one.
void check_command(std::string const& command);

/// Throws InputError, with the nearest, unless `action` is one of `sweep`.
void check_action(std::string const& action);

/// Throws InputError unless there is exactly one target, as every command wants it.
void check_target(std::string const& command, std::vector<std::string> const& targets);

/// Throws InputError unless `name` can be the name of an analysis.
/// `missing`: the analysis of the run itself, insitu, is possible too.
void check_analysis_name(std::string const& name, bool missing = false);

}  // namespace fedstrata
