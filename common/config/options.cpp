#include "common/config/options.hpp"

#include <algorithm>
#include <set>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

Assignment read_override(std::string const& text) {
  auto const equals = text.find('=');
  std::string const source = "--set " + text;
  require_input(equals != std::string::npos && equals > 0,
                source + ": write --set section.key=value");
  require_input(text.find_first_of("#\n\r") == std::string::npos,
                source + ": a value cannot contain '#' (it starts a comment) or a line break");
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1)), source};
}

/// Applies the text, then the overrides.
void read_into(Config& config, std::string const& text, std::string const& source,
               std::vector<std::string> const& overrides) {
  apply_sections(config, text, source);
  auto given = read_ini(text, source);
  for (auto const& item : overrides) given.push_back(read_override(item));
  apply_all(config, given);
}

bool is_of_the_machine(std::string const& key) {
  auto const keys = machine_keys();
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

Config parse_config(std::string const& text, std::string const& source,
                    std::vector<std::string> const& overrides) {
  Config config;
  read_into(config, text, source, overrides);
  check_consistency(config, source);
  return config;
}

Config load_config(std::string const& path, std::vector<std::string> const& overrides) {
  return parse_config(read_input(path, "config file"), path, overrides);
}

std::vector<std::string> older_values(std::string const& stored, std::string const& given) {
  std::set<std::string> named;
  for (auto const* text : {&stored, &given}) {
    for (auto const& assignment : read_ini(*text, "")) named.insert(assignment.key);
  }
  std::vector<std::string> values;
  for (auto const& key : config_keys()) {
    if (!key.older.empty() && !named.contains(key.name)) {
      values.push_back(key.name + "=" + key.older);
    }
  }
  return values;
}

Config with_analysis(Config config, std::string const& analysis_text, std::string const& source,
                     std::vector<std::string> const& overrides) {
  if (!source.empty()) {
    Config other;
    read_into(other, analysis_text, source, {});
    config.analysis = other.analysis;
  }
  for (auto const& item : overrides) {
    auto const given = read_override(item);
    require_input(given.key.starts_with("analysis.") || is_of_the_machine(given.key),
                  given.source + ": the run is fixed; only keys of [analysis] and " +
                      join(machine_keys(), ", ") + " can be set here");
    apply(config, given);
  }
  check_consistency(config, source.empty() ? "[analysis]" : source);
  return config;
}

std::vector<std::string> machine_keys() {
  std::vector<std::string> names;
  for (auto const& key : config_keys()) {
    if (key.effect.machine && !key.effect.analysis) names.push_back(key.name);
  }
  std::ranges::sort(names);  // as in earlier versions' sentences
  return names;
}

bool set_machine_only(std::vector<std::string> const& overrides) {
  return std::ranges::all_of(
      overrides, [](auto const& item) { return is_of_the_machine(read_override(item).key); });
}

}  // namespace fedstrata
