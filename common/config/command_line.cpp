#include "common/config/command_line.hpp"

#include <algorithm>
#include <sstream>

#include "common/config/text.hpp"

namespace fedstrata {
namespace {

void check_action(CommandText const& command, std::string const& action) {
  auto const& actions = command.actions;
  std::string const where = command.name + ": ";
  require_input(!action.empty(), where + "an action is missing (actions: " + join(actions, ", ") +
                                     "; see fedstrata " + command.name + " --help)");
  require_input(std::ranges::count(actions, action) > 0,
                where + "unknown action '" + action + "'" + suggestion(action, actions) +
                    " (actions: " + join(actions, ", ") + ")");
}

/// Values of "section.key=value": one without '=' would take the word behind it for the target.
void check_assignments(std::string const& command, Arguments const& given,
                       std::vector<OptionText> const& options) {
  for (auto const& option : options) {
    auto const found = given.options.find(option.name);
    if (found == given.options.end() || option.argument.find('=') == std::string::npos) continue;
    for (auto const& value : found->second) {
      require_input(value.empty() || value.find('=') != std::string::npos,
                    command + ": --" + option.name + " " + value + " gives no value; write --" +
                        option.name + " " + value + "=VALUE");
    }
  }
}

void check_target(CommandText const& command, std::vector<std::string> const& targets) {
  std::string const where = command.name + ": ";
  require_input(!targets.empty() && !targets[0].empty(),
                where + command.target + " is missing (see fedstrata " + command.name + " --help)");
  require_input(targets.size() == 1, where + "one " + command.target +
                                         " expected, surplus argument '" + targets.back() + "'");
}

/// Options that would be dropped, were they not refused.
void check_together(std::string const& command, GivenWords const& words,
                    std::vector<OptionText> const& options) {
  auto const& given = words.given.options;
  std::string const where = command + ": ";
  for (auto const& option : options) {
    if (!given.contains(option.name)) continue;
    require_input(option.needs.empty() || given.contains(option.needs),
                  where + "--" + option.name + " means nothing without --" + option.needs +
                      "; leave it out, or give both");
    for (auto const& other : option.excludes) {
      require_input(!given.contains(other), where + "--" + option.name + " and --" + other +
                                                " exclude each other; leave one of them out");
    }
    require_input(option.actions.empty() || std::ranges::count(option.actions, words.action) > 0,
                  command + " " + words.action + ": --" + option.name + " belongs to " +
                      join(option.actions, " and ") + "; leave it out");
  }
}

}  // namespace

std::string only_value(std::string const& option, std::vector<std::string> const& values) {
  require_input(values.size() == 1, "--" + option + " is given twice; keep one");
  require_input(!values[0].empty(), "--" + option + " needs a value");
  return values[0];
}

std::optional<GivenWords> read_words(CommandText const& command,
                                     std::vector<OptionText> const& options,
                                     std::vector<std::string> const& words) {
  GivenWords result{"", "", read_arguments(command.name, words, options)};
  if (result.given.options.contains("help")) return std::nullopt;
  check_assignments(command.name, result.given, options);
  auto targets = result.given.others;
  if (!command.actions.empty()) {
    check_action(command, targets.empty() ? "" : targets[0]);
    result.action = targets[0];
    targets.erase(targets.begin());
  }
  check_target(command, targets);
  result.target = targets[0];
  check_together(command.name, result, options);
  return result;
}

std::string arguments_of(CommandText const& command) {
  return (command.actions.empty() ? "" : "ACTION ") + command.target;
}

std::string usage(CommandText const& command, std::vector<OptionText> const& options) {
  std::ostringstream out;
  out << "fedstrata " << command.name << ' ' << arguments_of(command)
      << " [options]: " << command.summary << "\n\n"
      << command.details << "\n\n";
  for (auto const& option : options) {
    std::string const argument = option.argument.empty() ? "" : " " + option.argument;
    out << "  " << padded("--" + option.name + argument, 28) << option.help << '\n';
  }
  out << "\nExample: " << command.example << '\n';
  if (command.keys) {
    out << "\nKeys of " << (command.keys->empty() ? "the config" : "[" + *command.keys + "]")
        << ": key = default (allowed values)."
        << (command.keys->empty() ? " Comments start with #." : "") << "\n\n"
        << config_help(*command.keys);
  }
  return out.str();
}

}  // namespace fedstrata
