#include "common/config/usage.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/options.hpp"

namespace fedstrata {
namespace {

struct Command {
  std::string name;
  std::string target;
  std::string summary;
  std::string details;
  std::string example;
  std::vector<CommandOption> options;
};

CommandOption const kHelp = {"help", "", "show this text"};

Command const kSimulate = {
    "simulate",
    "FILE.ini",
    "train clients, average layer by layer, analyse, store everything",
    "FILE.ini is a config file (keys below). With --resume it may be the directory of a run, "
    "whose\n"
    "stored config is used. On one rank no launcher is needed.",
    "mpirun -n 4 fedstrata simulate experiments/quickstart.ini --set train.lr=0.1 --out runs/a",
    {{"out", "DIR", "directory of the run (default: runs/ and the config's name)"},
     {"set", "section.key=value", "set one key after reading the file; may be repeated"},
     {"resume", "", "go on where the run in DIR stopped, or start it"},
     {"dry-run", "", "show placement, memory, storage and messages; run nothing"},
     {"print-config", "", "print every key with its resolved value; can be read back"},
     {"allow-config-change", "", "with --resume: go on with settings that change nothing stored"},
     {"allow-idle-ranks", "", "more client ranks than clients are no error; the surplus waits"},
     kHelp}};

Command const kAnalyze = {
    "analyze",
    "RUN_DIR",
    "compute barriers between stored models of a run",
    "Uses the run's stored [analysis] unless told otherwise. Any number of ranks gives the same "
    "bits.",
    "mpirun -n 2 fedstrata analyze runs/a --name dense --set analysis.alphas=11",
    {{"name", "NAME", "name of the analysis in the results (default: posthoc)"},
     {"config", "FILE.ini", "take the section [analysis] from this file"},
     {"set", "analysis.key=value",
      "set one key of [analysis] (or data.dir, run.device, ...); may be repeated"},
     {"against", "RUN_DIR", "compare with the clients of another run, in the same round"},
     {"resume", "", "go on with the analysis NAME where it was interrupted"},
     {"missing", "", "compute the rounds that the analysis NAME (default: insitu) lacks"},
     kHelp}};

Command const kInspect = {"inspect",
                          "RUN_DIR",
                          "show what is in a run: layers, rounds, analyses, sizes",
                          "Can be used while the run goes on.",
                          "fedstrata inspect runs/a --pack a.h5",
                          {{"verify", "", "check size and checksum of every file"},
                           {"pack", "OUT.h5", "write everything into one self-contained file"},
                           {"rebuild-index", "", "write run.h5 anew from the files beside it"},
                           kHelp}};

std::vector<std::string> const kActions = {"plan",   "run",      "submit",
                                           "status", "resubmit", "collect"};

Command const kSweep = {
    "sweep",
    "SWEEP.ini",
    "run many settings of one experiment, here or as Slurm arrays",
    "ACTION is one of\n"
    "  plan      show the cells, what is done, and what the rest will cost\n"
    "  run       run here what is not done, failed cells included, several at a time\n"
    "  submit    submit as Slurm arrays what was not begun or was interrupted\n"
    "  status    what is done, running, queued, interrupted, failed and not started\n"
    "  resubmit  submit the cells that failed or have no result (--failed, --missing)\n"
    "  collect   write collected.h5, rounds.csv and barriers.csv: all cells in one table\n\n"
    "docs/sweeps.md describes sweep files. Cells that are done are never run again.",
    "fedstrata sweep run experiments/sweeps/tiny.ini --jobs 2",
    {{"out", "DIR", "directory of the sweep (default: sweep.dir, or runs/ and its name)"},
     {"jobs", "K", "plan, run: cells at a time (default: what the cores allow)"},
     {"throttle", "K", "submit, resubmit: at most K cells at a time"},
     {"script", "FILE", "submit, resubmit: batch script (default: slurm/sweep.sbatch)"},
     {"failed", "", "resubmit: cells that failed"},
     {"missing", "", "resubmit: cells that were interrupted or never began"},
     kHelp}};

Command const kWatch = {"watch",
                        "DIR",
                        "follow a run or a sweep in the terminal",
                        "DIR is the directory of a run or of a sweep. Only files are read: watch "
                        "from anywhere, as often as\nyou like. Ctrl-C ends it.",
                        "fedstrata watch runs/a",
                        {{"once", "", "print the view once and end"},
                         {"every", "SECONDS", "time between two looks (default: 2)"},
                         kHelp}};

std::vector<Command const*> const kCommands = {&kSimulate, &kAnalyze, &kInspect, &kSweep, &kWatch};

/// "SWEEP.ini", for people: "ACTION SWEEP.ini".
std::string arguments_of(Command const& command) {
  return (command.name == "sweep" ? "ACTION " : "") + command.target;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (auto const* command : kCommands) names.push_back(command->name);
  return names;
}

Command const& command_of(std::string const& name) {
  check_command(name);
  return **std::find_if(kCommands.begin(), kCommands.end(),
                        [&](auto const* command) { return command->name == name; });
}

std::string program_usage() {
  std::ostringstream out;
  out << "fedstrata: federated learning over MPI, averaged layer by layer, and its loss "
         "barriers\n\n";
  for (auto const* command : kCommands) {
    out << "  fedstrata " << padded(command->name + " " + arguments_of(*command), 24)
        << command->summary << '\n';
  }
  out << "  fedstrata COMMAND --help          options of a command (simulate: also every config "
         "key)\n"
         "  fedstrata --version\n\n"
         "Example: "
      << kSimulate.example
      << "\n\nExit codes: 0 done; 2 bad usage, config or input, nothing was made; 3 interrupted "
         "after\n"
         "a clean checkpoint, resume it; 1 anything else.\n";
  return out.str();
}

}  // namespace

std::vector<CommandOption> const& command_options(std::string const& command) {
  return command_of(command).options;
}

void check_command(std::string const& command) {
  auto const names = command_names();
  require_input(std::count(names.begin(), names.end(), command) > 0,
                "Unknown command '" + command + "'" + suggestion(command, names) +
                    " (commands: " + join(names, ", ") + "; see fedstrata --help)");
}

void check_action(std::string const& action) {
  require_input(!action.empty(), "fedstrata sweep: an action is missing (actions: " +
                                     join(kActions, ", ") + "; see fedstrata sweep --help)");
  require_input(std::count(kActions.begin(), kActions.end(), action) > 0,
                "fedstrata sweep: unknown action '" + action + "'" + suggestion(action, kActions) +
                    " (actions: " + join(kActions, ", ") + ")");
}

void check_target(std::string const& command, std::vector<std::string> const& targets) {
  std::string const target = command_of(command).target;
  require_input(!targets.empty() && !targets[0].empty(), "fedstrata " + command + ": " + target +
                                                             " is missing (see fedstrata " +
                                                             command + " --help)");
  require_input(targets.size() == 1, "fedstrata " + command + ": one " + target +
                                         " expected, surplus argument '" + targets.back() + "'");
}

void check_analysis_name(std::string const& name, bool missing) {
  bool const plain = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
  require_input(plain && !name.empty(),
                "--name " + name + ": the name is made of letters, digits, _ and -");
  require_input(missing || name != "insitu",
                "--name insitu is reserved for the analysis during a run; choose another name");
}

std::string usage(std::string const& command) {
  if (command.empty()) return program_usage();
  Command const& shown = command_of(command);
  std::ostringstream out;
  out << "fedstrata " << shown.name << ' ' << arguments_of(shown) << " [options]: " << shown.summary
      << "\n\n"
      << shown.details << "\n\n";
  for (auto const& option : shown.options) {
    std::string const value = option.value.empty() ? "" : " " + option.value;
    out << "  " << padded("--" + option.name + value, 28) << option.help << '\n';
  }
  out << "\nExample: " << shown.example << '\n';
  if (command == "analyze") {
    out << "\nKeys of [analysis]: key = default (allowed values).\n\n" << config_help("analysis");
  }
  if (command == "simulate") {
    out << "\nKeys of the config: key = default (allowed values). Comments start with #.\n\n"
        << config_help();
  }
  return out.str();
}

}  // namespace fedstrata
