#include "experiments/commands/completion.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/names.hpp"
#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/config/keys.hpp"
#include "common/config/options.hpp"

// The script has two parts: a table of words, made here from the descriptions of commands and keys,
// and a function that is the same for all tables.

namespace fedstrata {
namespace {

using Words = std::vector<std::string>;

/// The function. It reads the line itself, for bash cuts words at = and : as well, and what it
/// replies must lack what stands before the last of these.
constexpr char const* kFunction = R"bash(
_fedstrata() {
  local line=${COMP_LINE:0:COMP_POINT} command='' action='' target='' option='' word kind value cut
  local -a words
  read -ra words <<<"${line}x"
  local whole=${words[-1]%x}
  for word in "${words[@]:1:${#words[@]}-2}"; do
    if [[ -n $option ]]; then
      option=
    elif [[ $word == --* ]]; then
      [[ $word == *=* || -z $(_fedstrata_table "argument $command $word") ]] || option=$word
    elif [[ -z $command ]]; then
      command=$word
    elif [[ -z $action && -n $(_fedstrata_table "actions $command") ]]; then
      action=$word
    else
      target=$word
    fi
  done

  value=$whole
  if [[ -n $option ]]; then
    kind=$(_fedstrata_table "argument $command $option")
  elif [[ $whole == --*=* ]]; then
    kind=$(_fedstrata_table "argument $command ${whole%%=*}")
    value=${whole#*=}
  elif [[ -z $command ]]; then
    kind=commands
  elif [[ $whole == -* || -n $target ]]; then
    kind="options $command${action:+ $action}"
  elif [[ -z $action && -n $(_fedstrata_table "actions $command") ]]; then
    kind="actions $command"
  else
    kind=$(_fedstrata_table "target $command")
  fi

  COMPREPLY=()
  case $kind in
    '*.'*)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -X "!$kind" -- "$value"; compgen -d -- "$value") ;;
    file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$value") ;;
    directory)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$value") ;;
    run)  # those that are one, and those in which there may be some
      compopt -o filenames 2>/dev/null
      while read -r word; do
        [[ -e $word/run.h5 || -n $(compgen -d -- "$word/") ]] && COMPREPLY+=("$word")
      done < <(compgen -d -- "$value") ;;
    key)
      if [[ $value == *=* ]]; then
        word=${value%%=*}
        [[ $word == average.*.* ]] && word=average.${word##*.}
        mapfile -t COMPREPLY < <(compgen -P "${value%%=*}=" -W "$(_fedstrata_table "values $word")" \
          -- "${value#*=}")
      elif [[ $value == average.*.* ]]; then
        mapfile -t COMPREPLY < <(compgen -P "${value%.*}." -S = \
          -W "$(_fedstrata_table "keys of a group")" -- "${value##*.}")
      else
        mapfile -t COMPREPLY < <(compgen -W "$(_fedstrata_table "keys $command")" -- "$value")
      fi
      [[ ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace 2>/dev/null ;;
    ?*)
      mapfile -t COMPREPLY < <(compgen -W "$(_fedstrata_table "$kind")" -- "$value") ;;
  esac

  cut=
  [[ $COMP_WORDBREAKS == *=* && $value == *=* ]] && cut=${value%"${value##*=}"}
  [[ $COMP_WORDBREAKS == *:* && $value == *:* ]] && cut=${value%"${value##*[=:]}"}
  COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}
complete -F _fedstrata fedstrata
)bash";

/// What is completed for a word that people are told of as `argument`: the pattern of files, a
/// word that the function knows, or nothing.
std::string kind_of(std::string const& argument) {
  if (argument.ends_with("=value")) return "key";
  if (argument == "RUN_DIR") return "run";
  if (argument.ends_with("DIR")) return "directory";
  if (argument.ends_with("FILE")) return "file";
  auto const dot = argument.rfind('.');
  return dot == std::string::npos ? "" : "*" + argument.substr(dot);
}

/// A row of the table, none without words.
std::string row(std::string const& what, Words const& words) {
  return words.empty() ? "" : "    '" + what + "') echo '" + join(words, " ") + "' ;;\n";
}

/// Those alternatives of what a key may hold that are values themselves: cosine, not random:N.
template <class Owner>
Words values_of(Key<Owner> const& key) {
  auto words = split(key.allowed, key.allowed.find('|') == std::string::npos ? ',' : '|');
  std::erase_if(words, [&](auto const& word) {
    Owner scratch;
    try {
      return !is_plain_name(word) || !key.set(scratch, word);
    } catch (InputError const&) {
      return true;
    }
  });
  return words;
}

Words names_of_options(ProgramCommand const& command, std::string const& action) {
  Words names;
  for (auto const& option : command.options) {
    bool const for_all = action.empty() || option.actions.empty();
    if (for_all || std::ranges::count(option.actions, action) > 0) {
      names.push_back("--" + option.name);
    }
  }
  return names;
}

/// What --set of the command takes.
Words keys_of(ProgramCommand const& command) {
  if (!command.text.keys) return {};
  bool const all = command.text.keys->empty();
  Words keys;
  for (auto const& key : config_keys()) {
    if (all || key.name.starts_with(*command.text.keys + ".")) keys.push_back(key.name + "=");
  }
  if (all) {
    keys.push_back("average.");
  } else {
    for (auto const& key : machine_keys()) keys.push_back(key + "=");
  }
  return keys;
}

std::string rows_of(ProgramCommand const& command) {
  auto const& name = command.text.name;
  std::string rows = row("actions " + name, command.text.actions);
  rows += row("options " + name, names_of_options(command, ""));
  for (auto const& action : command.text.actions) {
    rows += row("options " + name + " " + action, names_of_options(command, action));
  }
  for (auto const& option : command.options) {
    if (option.argument.empty()) continue;
    auto const kind = kind_of(option.argument);
    rows += row("argument " + name + " --" + option.name, {kind.empty() ? "any" : kind});
  }
  return rows + row("target " + name, {kind_of(command.text.target)}) +
         row("keys " + name, keys_of(command));
}

std::string table(std::vector<ProgramCommand> const& commands) {
  Words names;
  std::string rows;
  for (auto const& command : commands) {
    names.push_back(command.text.name);
    rows += rows_of(command);
  }
  rows += row("actions help", names);
  Words first = {"--help", "--version", "--man", "--completion", "help"};
  first.insert(first.end(), names.begin(), names.end());
  Words group;
  for (auto const& key : group_keys()) {
    group.push_back(key.name);
    rows += row("values average." + key.name, values_of(key));
  }
  for (auto const& key : config_keys()) rows += row("values " + key.name, values_of(key));
  return row("commands", first) + row("argument  --completion", {"shells"}) +
         row("shells", {"bash"}) + row("keys of a group", group) + rows;
}

}  // namespace

std::string bash_completion(std::vector<ProgramCommand> const& commands) {
  return "# Completion in bash for fedstrata " + software_version() +
         "; printed by: fedstrata --completion bash\n\n"
         "# The words that belong to $1.\n"
         "_fedstrata_table() {\n  case $1 in\n" +
         table(commands) + "  esac\n}\n" + kFunction;
}

}  // namespace fedstrata
