#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/config/command_line.hpp"

namespace fedstrata {

/// A command as the program sees it, whatever its options are.
struct ProgramCommand {
  CommandText text;
  std::vector<OptionText> options;
  bool parallel = false;  ///< on all ranks of a job; others on one, without MPI
  /// Reads the words after the command and returns what is to be done, whose result is the exit
  /// code. Throws InputError.
  std::function<std::function<int()>(std::vector<std::string> const& words)> prepare;
  /// For parallel ones: the value of --ranks, 0 where it is not given; nothing: --help. Throws
  /// InputError.
  std::function<std::optional<int>(std::vector<std::string> const& words)> ranks = {};
};

/// All commands, in the order of the help. To add one: a file in this folder, a line in the list.
std::vector<ProgramCommand> const& program_commands();

/// Does the command line `words` ask for a command of all ranks?
bool is_parallel(std::vector<std::string> const& words);

/// The number in --ranks of a command line, 0 where it is not given; nothing: --help, or no command
/// of all ranks. Throws InputError.
std::optional<int> asked_ranks(std::vector<std::string> const& words);

/// Reads a whole command line, help and version included, and returns what is to be done. Throws
/// InputError: unknown command, option or action (with the nearest), a missing or surplus argument.
std::function<int()> read_command_line(std::vector<std::string> const& words);

/// What `fedstrata --help` prints.
std::string program_usage();

}  // namespace fedstrata
