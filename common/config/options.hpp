#pragma once
#include <optional>
#include <string>
#include <vector>

#include "common/base/text.hpp"  // nearest()
#include "common/config/config.hpp"
#include "common/config/keys.hpp"

namespace fedstrata {

/// Reads INI text (sections of B2 in docs/configuration.md) and then the overrides
/// "section.key=value", checks types, ranges and the consistency of keys. `source` names the text
/// in messages (a file name). Throws InputError: unknown section or key (with the nearest known
/// one), wrong type, out of range (with what is allowed), `#` inside a value.
Config parse_config(std::string const& text, std::string const& source,
                    std::vector<std::string> const& overrides = {});

/// Reads a file, then parse_config. Throws InputError when it cannot be read.
Config load_config(std::string const& path, std::vector<std::string> const& overrides = {});

/// Every key with its resolved value, in the order of the help; presets and the default group are
/// written as [average.NAME] sections; and in comments at the end, a line an effect, what the keys
/// affect. parse_config of it means the same and gives the same text.
std::string to_text(Config const& config);

/// A key whose values differ in two configs, resolved.
struct Difference {
  std::string key;  ///< "train.lr", "average.NAME.every"
  std::string before;
  std::string now;
  Effect effect;
};
std::vector<Difference> differences(Config const& before, Config const& now);

/// `config` with its [analysis] replaced by that of `analysis_text` (keys it lacks get their
/// defaults; with an empty `source`, which means no text, it stays as it is), then the overrides,
/// of [analysis] and of what belongs to the machine (data.dir, run.device, ...) only. Throws
/// InputError.
Config with_analysis(Config config, std::string const& analysis_text, std::string const& source,
                     std::vector<std::string> const& overrides);

/// Every key, of one section or of all (""), with its default, unit, allowed values and one line of
/// explanation.
std::string config_help(std::string const& section = "");

/// A command line: `fedstrata COMMAND [ACTION] [FILE] [options]`.
struct CommandLine {
  std::string command;           ///< simulate | analyze | ... | "" (help or version)
  std::string action;            ///< of sweep: plan | run | submit | status | resubmit | collect
  std::string target;            ///< config file, sweep file or run directory
  std::string out;               ///< --out
  std::string name = "posthoc";  ///< --name (with --missing: insitu)
  std::string config;            ///< --config (analyze)
  std::string pack;              ///< --pack
  std::string against;           ///< --against (analyze): another run
  std::vector<std::string> set;  ///< --set
  std::string script = "slurm/sweep.sbatch";  ///< --script (sweep)
  int jobs = 0;                               ///< --jobs (sweep); 0 = as many as the cores allow
  int throttle = 0;                           ///< --throttle (sweep); 0 = none
  double every = 2.0;                         ///< --every (watch): seconds
  bool resume = false;
  bool missing = false;  ///< --missing (analyze, sweep)
  bool failed = false;   ///< --failed (sweep)
  bool once = false;     ///< --once (watch)
  bool dry_run = false;
  bool print_config = false;
  bool allow_idle_ranks = false;
  bool allow_config_change = false;  ///< simulate --resume
  bool verify = false;
  bool rebuild_index = false;
  bool help = false;
  bool version = false;
};

/// Throws InputError: unknown command or option (with the nearest), missing or surplus argument.
CommandLine parse_command_line(std::vector<std::string> const& arguments);

/// Help of the whole program ("") or of one command.
std::string usage(std::string const& command);

}  // namespace fedstrata
