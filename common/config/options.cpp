#include "common/config/options.hpp"

#include <algorithm>
#include <set>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/syntax.hpp"

namespace fedstrata {
namespace {

Assignment read_override(std::string const& text) {
  auto const equals = text.find('=');
  check_visible(text, "--set");
  std::string const source = "--set " + text;
  require_input(equals != std::string::npos && equals > 0,
                source + ": write --set section.key=value");
  require_input(text.find_first_of("#\n\r") == std::string::npos,
                source + ": a value cannot contain '#' (it starts a comment) or a line break");
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1)), source};
}

/// Applies the text, then the overrides. Returns what was given, in this order.
std::vector<Assignment> read_into(Config& config, std::string const& text,
                                  std::string const& source,
                                  std::vector<std::string> const& overrides) {
  auto [sections, given] = read_ini(text, source);
  apply_sections(config, sections);
  for (auto const& item : overrides) given.push_back(read_override(item));
  apply_all(config, given);
  return given;
}

/// check_consistency, whose sentences about several keys then begin with the place where the one
/// named first was given.
void check_given(Config const& config, std::string const& source,
                 std::vector<Assignment> const& given) {
  try {
    check_consistency(config, source);
  } catch (InputError const& error) {
    std::string const message = error.what();
    throw InputError(source_of(given, message, source) + message.substr(source.size()));
  }
}

bool is_of_the_machine(std::string const& key) {
  auto const keys = machine_keys();
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

Config parse_config(std::string const& text, std::string const& source,
                    std::vector<std::string> const& overrides) {
  Config config;
  check_given(config, source, read_into(config, text, source, overrides));
  return config;
}

Config load_config(std::string const& path, std::vector<std::string> const& overrides) {
  return parse_config(read_input(path, "config file"), path, overrides);
}

std::vector<std::string> older_values(std::string const& stored, std::string const& given) {
  std::set<std::string> named;
  for (auto const* text : {&stored, &given}) {
    for (auto const& assignment : read_ini(*text, "").assignments) named.insert(assignment.key);
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
  std::vector<Assignment> all;
  if (!source.empty()) {
    Config other;
    all = read_into(other, analysis_text, source, {});
    config.analysis = other.analysis;
  }
  for (auto const& item : overrides) {
    auto const given = all.emplace_back(read_override(item));
    bool const has_section = given.key.find('.') != std::string::npos;  // else it is no key at all
    require_input(
        !has_section || given.key.starts_with("analysis.") || is_of_the_machine(given.key),
        given.source + ": the run is fixed; only keys of [analysis] and " +
            join(machine_keys(), ", ") + " can be set here");
    apply(config, given);
  }
  check_given(config, source.empty() ? "[analysis]" : source, all);
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
