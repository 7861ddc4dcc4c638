#include "common/config/options.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <set>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/keys.hpp"
#include "common/config/text.hpp"
#include "common/config/usage.hpp"

namespace fedstrata {
namespace {

namespace po = boost::program_options;

/// May an analysis that goes on have another value? Where the data lies and on what it computes,
/// but nothing that was chosen for the analysis.
bool may_change(Effect const& effect) { return effect.machine && !effect.analysis; }

bool may_change(std::string const& key) {
  auto const effect = effect_of(key);
  return effect && may_change(*effect);
}

std::string changeable_keys() {
  std::vector<std::string> names;
  for (auto const& key : config_keys()) {
    if (may_change(key.effect)) names.push_back(key.name);
  }
  return join(names, ", ");
}

Assignment read_override(std::string const& text) {
  auto const equals = text.find('=');
  std::string const source = "--set " + text;
  require_input(equals != std::string::npos && equals > 0,
                source + ": write --set section.key=value");
  require_input(text.find_first_of("#\n\r") == std::string::npos,
                source + ": a value cannot contain '#' (it starts a comment) or a line break");
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1)), source};
}

/// Applies the text, then the overrides. A given local_steps replaces the default of local_epochs.
void apply_all(Config& config, std::string const& text, std::string const& source,
               std::vector<std::string> const& overrides) {
  apply_sections(config, text, source);
  auto given = read_ini(text, source);
  for (auto const& item : overrides) given.push_back(read_override(item));
  bool epochs_given = false;
  for (auto const& item : given) {
    apply(config, item);
    epochs_given = epochs_given || item.key == "federation.local_epochs";
  }
  if (!epochs_given && config.federation.local_steps > 0) config.federation.local_epochs = 0;
}

/// Runs Boost's parser over what follows the command.
po::variables_map parse_arguments(std::vector<std::string> const& arguments,
                                  po::options_description const& known) {
  std::string const command = arguments.front();
  po::variables_map given;
  try {
    namespace style = po::command_line_style;
    po::store(po::command_line_parser({arguments.begin() + 1, arguments.end()})
                  .options(known)
                  .positional(po::positional_options_description().add("target", -1))
                  .style(style::default_style & ~style::allow_guessing)
                  .run(),
              given);
  } catch (po::unknown_option const& error) {
    std::vector<std::string> names;
    for (auto const& option : command_options(command)) names.push_back("--" + option.name);
    throw InputError("fedstrata " + command + ": unknown option " + error.get_option_name() +
                     suggestion(error.get_option_name(), names) + " (see fedstrata " + command +
                     " --help)");
  } catch (po::error const& error) {
    throw InputError("fedstrata " + command + ": " + error.what() + " (see fedstrata " + command +
                     " --help)");
  }
  return given;
}

using Values = std::vector<std::string>;

Values values_of(po::variables_map const& given, std::string const& option) {
  return given.count(option) > 0 ? given[option].as<Values>() : Values{};
}

/// The one value of an option, `otherwise` when it is not given.
std::string value_of(po::variables_map const& given, std::string const& option,
                     std::string const& otherwise = "") {
  auto const values = values_of(given, option);
  require_input(values.size() <= 1, "--" + option + " is given twice; keep one");
  require_input(values.empty() || !values[0].empty(), "--" + option + " needs a value");
  return values.empty() ? otherwise : values[0];
}

/// The number that an option has, at least `low`; `otherwise` when it is not given.
template <class Number>
Number number_of(po::variables_map const& given, std::string const& option, Number otherwise,
                 Number low, std::string const& allowed) {
  auto const text = value_of(given, option);
  Number number = otherwise;
  require_input(text.empty() || (read_number(text, number) && number >= low),
                "--" + option + " " + text + " is not possible; allowed: " + allowed);
  return number;
}

/// Options of sweep belong to some of its actions.
void check_sweep_options(CommandLine const& line) {
  auto const only = [&](bool given, std::string const& option, std::vector<std::string> actions) {
    require_input(!given || std::count(actions.begin(), actions.end(), line.action) > 0,
                  "fedstrata sweep " + line.action + ": " + option + " belongs to " +
                      join(actions, " and ") + "; leave it out");
  };
  only(line.jobs > 0, "--jobs", {"plan", "run"});
  only(line.throttle > 0, "--throttle", {"submit", "resubmit"});
  only(line.script != CommandLine{}.script, "--script", {"submit", "resubmit"});
  only(line.failed, "--failed", {"resubmit"});
  only(line.missing, "--missing", {"resubmit"});
  require_input(line.action != "resubmit" || line.failed || line.missing,
                "fedstrata sweep resubmit: say which cells, --failed or --missing or both");
}

void fill(CommandLine& line, po::variables_map const& given) {
  line.help = given.count("help") > 0;
  if (line.help) return;
  auto targets = values_of(given, "target");
  if (line.command == "sweep") {
    check_action(targets.empty() ? "" : targets[0]);
    line.action = targets[0];
    targets.erase(targets.begin());
  }
  check_target(line.command, targets);
  line.target = targets[0];
  line.out = value_of(given, "out");
  line.missing = given.count("missing") > 0;
  line.failed = given.count("failed") > 0;
  line.once = given.count("once") > 0;
  line.script = value_of(given, "script", line.script);
  line.jobs = number_of(given, "jobs", line.jobs, 1, "integer >= 1");
  line.throttle = number_of(given, "throttle", line.throttle, 1, "integer >= 1");
  line.every = number_of(given, "every", line.every, 0.1, "seconds, at least 0.1");
  line.name = value_of(given, "name", line.missing ? "insitu" : line.name);
  line.against = value_of(given, "against");
  line.config = value_of(given, "config");
  line.pack = value_of(given, "pack");
  line.set = values_of(given, "set");
  line.resume = given.count("resume") > 0;
  line.dry_run = given.count("dry-run") > 0;
  line.print_config = given.count("print-config") > 0;
  line.allow_config_change = given.count("allow-config-change") > 0;
  line.allow_idle_ranks = given.count("allow-idle-ranks") > 0;
  line.verify = given.count("verify") > 0;
  line.rebuild_index = given.count("rebuild-index") > 0;
  check_analysis_name(line.name, line.missing);
  if (line.command == "sweep") check_sweep_options(line);
  bool const goes_on = line.command == "analyze" && (line.missing || line.resume);
  bool const other_settings = !line.config.empty() || !line.against.empty() ||
                              std::ranges::any_of(line.set, [](auto const& item) {
                                return !may_change(read_override(item).key);
                              });
  require_input(!goes_on || !other_settings,
                "fedstrata analyze: --resume and --missing take the settings that the analysis "
                "has; leave out --config, --against and --set (but for " +
                    changeable_keys() + "), or start another analysis with --name");
}

}  // namespace

std::vector<Assignment> read_ini(std::string const& text, std::string const& source) {
  std::istringstream stream(text);
  std::vector<Assignment> result;
  std::set<std::string> seen;
  try {
    for (auto const& option :
         po::parse_config_file(stream, po::options_description(), true).options) {
      require_input(seen.insert(option.string_key).second,
                    source + ": " + option.string_key + " is given twice; keep one");
      result.push_back({option.string_key, join(option.value, ""), source});
    }
  } catch (po::invalid_config_file_syntax const& error) {
    throw InputError(source + ": line '" + error.tokens() +
                     "' is neither [section] nor key = value (comments start with #)");
  } catch (po::error const& error) {
    throw InputError(source + ": " + error.what());
  }
  return result;
}

Config parse_config(std::string const& text, std::string const& source,
                    std::vector<std::string> const& overrides) {
  Config config;
  apply_all(config, text, source, overrides);
  check_consistency(config, source);
  return config;
}

Config load_config(std::string const& path, std::vector<std::string> const& overrides) {
  return parse_config(read_input(path, "config file"), path, overrides);
}

Config with_analysis(Config config, std::string const& analysis_text, std::string const& source,
                     std::vector<std::string> const& overrides) {
  if (!source.empty()) {
    Config other;
    apply_all(other, analysis_text, source, {});
    config.analysis = other.analysis;
  }
  for (auto const& item : overrides) {
    auto const given = read_override(item);
    require_input(given.key.starts_with("analysis.") || may_change(given.key),
                  given.source + ": the run is fixed; only keys of [analysis] and " +
                      changeable_keys() + " can be set here");
    apply(config, given);
  }
  check_consistency(config, source.empty() ? "[analysis]" : source);
  return config;
}

CommandLine parse_command_line(std::vector<std::string> const& arguments) {
  CommandLine line;
  if (arguments.empty()) throw InputError("No command given; see fedstrata --help");
  std::string const& first = arguments.front();
  line.help = first == "--help" || first == "-h";
  line.version = first == "--version";
  if (line.help || line.version) return line;
  check_command(first);
  line.command = first;

  po::options_description known;
  auto add = known.add_options();
  for (auto const& option : command_options(first)) {
    std::string const name = option.name == "help" ? "help,h" : option.name;
    if (option.value.empty())
      add(name.c_str(), "");
    else
      add(name.c_str(), po::value<std::vector<std::string>>(), "");
  }
  known.add_options()("target", po::value<std::vector<std::string>>());
  auto const given = parse_arguments(arguments, known);
  fill(line, given);
  return line;
}

}  // namespace fedstrata
