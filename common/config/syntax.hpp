#pragma once
#include <map>
#include <string>
#include <vector>

namespace fedstrata {

// The form of command lines: what is written where, whatever it means. The one place that uses
// Boost.

/// Reads the file whole. Throws InputError, with the reason and calling it `what`, when it cannot
/// be read; `where` begins the sentence.
std::string read_input(std::string const& path, std::string const& what,
                       std::string const& where = "");

/// What people are told of an option of a command.
struct OptionText {
  std::string name;      ///< without the dashes
  std::string argument;  ///< what its value is called; "" for one that is given or not
  std::string help;      ///< one line
  // What it goes with. Where it does not, it is refused: nothing that is given is dropped.
  std::string needs = {};                  ///< an option without which it means nothing
  std::vector<std::string> excludes = {};  ///< options beside which it means nothing
  std::vector<std::string> actions = {};   ///< it belongs to these; {} = to all
};

/// What a command was given.
struct Arguments {
  std::map<std::string, std::vector<std::string>> options;  ///< by name, values in their order
  std::vector<std::string> others;
};

/// Reads what follows `command`. Throws InputError: unknown option (with the nearest), a value that
/// is missing or surplus.
Arguments read_arguments(std::string const& command, std::vector<std::string> const& words,
                         std::vector<OptionText> const& options);

}  // namespace fedstrata
