#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/syntax.hpp"

namespace fedstrata {

// A command of the program, described once: reading its command line, its --help and its table in
// docs/commands.md all follow from a Command<Options>, where Options is the command's own struct.

/// What people are told of a command.
struct CommandText {
  std::string name;
  std::string target;   ///< what its one argument is called: "RUN_DIR"
  std::string summary;  ///< one line
  std::string details;
  std::string example;
  std::vector<std::string> actions = {};  ///< one stands in front of the target; {} = none
  std::optional<std::string> keys =
      std::nullopt;  ///< section of the config that --help lists, "" = all
};

/// An option, and how it sets a member of Options.
template <class Options>
struct Option {
  OptionText text;
  /// Takes the values that were given, in their order; none for an option without an argument.
  /// Throws InputError.
  std::function<void(Options&, std::vector<std::string> const&)> take;
};

/// Options has a std::string `target`, and `action` where there are actions.
template <class Options>
struct Command {
  CommandText text;
  std::vector<Option<Options>> options;
  /// Fills in what follows from others, and refuses (InputError) what the options' texts cannot
  /// say that they need and exclude.
  std::function<void(Options&)> settle = [](Options&) {};
};

/// The one value in `values`. Throws InputError when there are more, or it is empty.
std::string only_value(std::string const& option, std::vector<std::string> const& values);

namespace option {

/// yes when it is given.
template <class Options>
Option<Options> flag(std::string name, bool Options::*member, std::string help) {
  return {{name, "", std::move(help)},
          [member](Options& options, auto const&) { options.*member = true; }};
}

template <class Options>
Option<Options> text(std::string name, std::string argument, std::string Options::*member,
                     std::string help) {
  return {{name, std::move(argument), std::move(help)},
          [member, name](Options& options, auto const& values) {
            options.*member = only_value(name, values);
          }};
}

/// May be repeated.
template <class Options>
Option<Options> list(std::string name, std::string argument,
                     std::vector<std::string> Options::*member, std::string help) {
  return {{std::move(name), std::move(argument), std::move(help)},
          [member](Options& options, auto const& values) { options.*member = values; }};
}

/// At least `low`; `allowed` says so in words.
template <class Options, class Number>
Option<Options> number(std::string name, std::string argument, Number Options::*member, Number low,
                       std::string allowed, std::string help) {
  return {{name, std::move(argument), std::move(help)}, [=](Options& options, auto const& values) {
            auto const text = only_value(name, values);
            Number value{};
            require_input(read_number(text, value) && value >= low,
                          "--" + name + " " + text + " is not possible; allowed: " + allowed);
            options.*member = value;
          }};
}

/// `option`, which means nothing without the option `needed`.
template <class Options>
Option<Options> needing(std::string needed, Option<Options> option) {
  option.text.needs = std::move(needed);
  return option;
}

/// `option`, which means nothing beside one of `others`.
template <class Options>
Option<Options> without(std::vector<std::string> others, Option<Options> option) {
  option.text.excludes = std::move(others);
  return option;
}

/// `option`, which belongs to some of the command's actions.
template <class Options>
Option<Options> only_for(std::vector<std::string> actions, Option<Options> option) {
  option.text.actions = std::move(actions);
  return option;
}

}  // namespace option

/// Texts of the command's options, and of --help.
template <class Options>
std::vector<OptionText> option_texts(Command<Options> const& command) {
  std::vector<OptionText> texts;
  for (auto const& option : command.options) texts.push_back(option.text);
  texts.push_back({"help", "", "show this text"});
  return texts;
}

/// What stands on a command line, before anybody knows what it means.
struct GivenWords {
  std::string action;
  std::string target;
  Arguments given;
};

/// Reads the words after the command; nothing: --help is among them. Throws InputError: unknown
/// option or action (with the nearest), a missing or surplus argument, options that do not go
/// together.
std::optional<GivenWords> read_words(CommandText const& command,
                                     std::vector<OptionText> const& options,
                                     std::vector<std::string> const& words);

/// The options that the words after the command give; nothing: help is wanted. Throws InputError.
template <class Options>
std::optional<Options> read_options(Command<Options> const& command,
                                    std::vector<std::string> const& words) {
  auto const read = read_words(command.text, option_texts(command), words);
  if (!read) return std::nullopt;
  Options options;
  options.target = read->target;
  if constexpr (requires { options.action; }) options.action = read->action;
  for (auto const& option : command.options) {
    auto const found = read->given.options.find(option.text.name);
    if (found != read->given.options.end()) option.take(options, found->second);
  }
  command.settle(options);
  return options;
}

/// "ACTION SWEEP.ini": the arguments of a command, for people.
std::string arguments_of(CommandText const& command);

/// What `fedstrata COMMAND --help` prints.
std::string usage(CommandText const& command, std::vector<OptionText> const& options);

}  // namespace fedstrata
