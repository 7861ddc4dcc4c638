#include "experiments/commands/program.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <type_traits>

#include "common/base/version.hpp"
#include "experiments/commands/analyze.hpp"
#include "experiments/commands/completion.hpp"
#include "experiments/commands/inspect.hpp"
#include "experiments/commands/manual.hpp"
#include "experiments/commands/simulate.hpp"
#include "experiments/commands/sweep.hpp"
#include "experiments/commands/watch.hpp"

namespace fedstrata {
namespace {

using Words = std::vector<std::string>;

std::function<int()> printing(std::string text) {
  return [text = std::move(text)] {
    std::fputs(text.c_str(), stdout);
    return 0;
  };
}

/// `work` is a function of the options or, for a command of all ranks, of the options and all
/// words.
template <class Options, class Work>
ProgramCommand entry(Command<Options> const& command, Work* work) {
  constexpr bool kParallel = std::is_invocable_v<Work, Options const&, Words const&>;
  auto const prepare = [&command, work](Words const& words) -> std::function<int()> {
    auto const options = read_options(command, {words.begin() + 1, words.end()});
    if (!options) return printing(usage(command.text, option_texts(command)));
    return [work, options = *options, words] {
      if constexpr (kParallel) {
        return work(options, words);
      } else {
        return work(options);
      }
    };
  };
  ProgramCommand result{command.text, option_texts(command), kParallel, prepare};
  if constexpr (kParallel) {
    result.ranks = [&command](Words const& words) -> std::optional<int> {
      auto const options = read_options(command, {words.begin() + 1, words.end()});
      return options ? std::optional(options->ranks) : std::nullopt;
    };
  }
  return result;
}

ProgramCommand const* find(std::string const& name) {
  auto const& all = program_commands();
  auto const found = std::ranges::find(all, name, [](auto const& c) { return c.text.name; });
  return found == all.end() ? nullptr : &*found;
}

/// The command `name`; throws InputError when there is none.
ProgramCommand const& known(std::string const& name) {
  if (auto const* command = find(name)) return *command;
  Words names;
  for (auto const& command : program_commands()) names.push_back(command.text.name);
  throw InputError("Unknown command '" + name + "'" + suggestion(name, names) +
                   " (commands: " + join(names, ", ") + "; see fedstrata --help)");
}

/// `topics`: what stands behind `help`.
std::function<int()> help(Words const& topics) {
  if (topics.empty()) return printing(program_usage());
  require_input(topics.size() == 1, "help takes the name of one command");
  auto const& command = known(topics[0]);
  return printing(usage(command.text, command.options));
}

}  // namespace

std::vector<ProgramCommand> const& program_commands() {
  static std::vector<ProgramCommand> const all = {
      entry(simulate_command(), simulate), entry(analyze_command(), analyze),
      entry(inspect_command(), inspect),   entry(sweep_command(), sweep),
      entry(watch_command(), watch),
  };
  return all;
}

bool is_parallel(Words const& words) {
  auto const* command = words.empty() ? nullptr : find(words[0]);
  return command != nullptr && command->parallel;
}

std::optional<int> asked_ranks(Words const& words) {
  auto const* command = find(words.at(0));
  return command == nullptr || !command->parallel ? std::nullopt : command->ranks(words);
}

std::function<int()> read_command_line(Words const& words) {
  require_input(!words.empty(), "No command given; see fedstrata --help");
  auto const& first = words.front();
  if (first == "--help" || first == "-h") return printing(program_usage());
  if (first == "help") return help({words.begin() + 1, words.end()});
  if (first == "--version" || first == "-V") {
    return printing("fedstrata " + software_version() + " (" + build_description() + ")\n");
  }
  if (first == "--man") return printing(manual(program_commands()));
  if (first == "--completion") {
    require_input(words.size() == 2 && words[1] == "bash",
                  "--completion takes the name of a shell; allowed: bash");
    return printing(bash_completion(program_commands()));
  }
  return known(first).prepare(words);
}

std::string program_usage() {
  std::ostringstream out;
  out << "fedstrata: federated learning over MPI, averaged layer by layer, and its loss "
         "barriers\n\n";
  for (auto const& command : program_commands()) {
    out << "  fedstrata " << padded(command.text.name + " " + arguments_of(command.text), 24)
        << command.text.summary << '\n';
  }
  out << "  fedstrata help COMMAND            options of a command (simulate: also every config "
         "key)\n"
         "  fedstrata --version, -V\n"
         "  fedstrata --man                     the manual page (| man -l -)\n"
         "  fedstrata --completion bash         completion of command lines, for bash\n\n"
         "Example: "
      << program_commands().front().text.example
      << "\n\nExit codes: 0 done; 2 bad usage, config or input, nothing was made; 3 interrupted "
         "after\n"
         "a clean checkpoint, resume it; 1 anything else.\n";
  return out.str();
}

}  // namespace fedstrata
