#include "common/config/text.hpp"

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/names.hpp"
#include "common/base/text.hpp"
#include "common/config/presets.hpp"

// Every message about a setting is made here, from the description of its key: what is allowed, the
// nearest known name, the section where that name exists. Sections of averaging groups have names
// that users choose; so they are found by the form of a key, not by a list.

namespace fedstrata {
namespace {

constexpr std::string_view kAverage = "average.";

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (auto const& key : config_keys()) names.push_back(key.name);
  return names;
}

std::string section_of(std::string const& key) { return key.substr(0, key.find('.')); }

std::vector<std::string> section_names() {
  std::vector<std::string> names = {"average.NAME"};
  for (auto const& key : config_keys()) {
    if (std::count(names.begin(), names.end(), section_of(key.name)) == 0) {
      names.push_back(section_of(key.name));
    }
  }
  return names;
}

[[noreturn]] void unknown_section(std::string const& section, std::string const& source) {
  if (section == "average") {
    throw InputError(source + ": [average] needs a name, as in [average.features]");
  }
  auto const names = section_names();
  throw InputError(source + ": unknown section [" + section + "]" + suggestion(section, names) +
                   " (sections: " + join(names, ", ") + ")");
}

[[noreturn]] void unknown_key(std::string const& key, std::string const& source) {
  auto const names = key_names();
  if (key.find('.') == std::string::npos) {
    auto const found =
        std::ranges::find_if(names, [&](auto const& name) { return name.ends_with("." + key); });
    std::string const section = found == names.end() ? "section" : section_of(*found);
    throw InputError(source + ": key '" + key + "' belongs to no section; write " +
                     (source.starts_with("--set") ? section + "." + key
                                                  : "[" + section + "] in a line above it"));
  }
  std::string const section = section_of(key);
  auto const known = section_names();
  if (std::count(known.begin(), known.end(), section) == 0) unknown_section(section, source);
  std::string const last = key.substr(key.rfind('.'));
  for (auto const& name : names) {  // the right name in the wrong section
    if (name.ends_with(last)) {
      throw InputError(source + ": unknown key " + key + "; did you mean " + name + "?");
    }
  }
  std::vector<std::string> siblings;
  std::copy_if(names.begin(), names.end(), std::back_inserter(siblings),
               [&](auto const& name) { return section_of(name) == section; });
  auto const near = suggestion(key, siblings);
  throw InputError(source + ": unknown key " + key +
                   (near.empty() ? " (keys: " + join(siblings, ", ") + ")" : near));
}

/// The group that "average.NAME" or "average.NAME.key" names, made if it is new.
AverageGroup& group_of(Config& config, std::string const& name, std::string const& source) {
  require_input(
      is_plain_name(name),
      source + ": [average." + name + "]: the name of a group is made of letters, digits, _ and -");
  for (auto& group : config.average) {
    if (group.name == name) return group;
  }
  config.average.push_back({.name = name});
  return config.average.back();
}

/// A hint where a number has its thousands separated, as in 1,024.
std::string separated_thousands(std::string const& value) {
  if (!std::regex_match(value, std::regex("[1-9][0-9]{0,2}(,[0-9]{3})+"))) return "";
  std::string digits = value;
  std::erase(digits, ',');
  return "; is it " + digits + "? a number has no commas";
}

template <class Owner>
void set_key(Key<Owner> const& key, Owner& owner, Assignment const& given) {
  try {
    if (key.set(owner, given.value)) return;
  } catch (InputError const& error) {
    throw InputError(given.source + ": " + error.what());
  }
  throw InputError(given.source + ": " + given.key + " = '" + given.value +
                   "' is not possible; allowed: " + key.allowed + separated_thousands(given.value) +
                   (given.value.find(';') != std::string::npos ? "; comments begin with #" : "") +
                   suggestion(given.value, split(key.allowed, '|')));
}

void apply_to_group(Config& config, Assignment const& given) {
  std::string const rest = given.key.substr(kAverage.size());
  auto const dot = rest.rfind('.');
  if (dot == std::string::npos) {
    throw InputError(given.source + ": " + given.key + " lacks a part; write average.NAME.key");
  }
  std::vector<std::string> names;
  for (auto const& key : group_keys()) {
    if (key.name == rest.substr(dot + 1)) {
      return set_key(key, group_of(config, rest.substr(0, dot), given.source), given);
    }
    names.push_back(key.name);
  }
  throw InputError(given.source + ": unknown key " + given.key +
                   suggestion(rest.substr(dot + 1), names) + " (keys: " + join(names, ", ") + ")");
}

void print(std::ostream& out, std::string const& key, std::string const& value) {
  out << key << (value.empty() ? " =" : " = ") << value << '\n';
}

void replace_epochs_by_steps(FederationConfig& federation) {
  if (federation.local_steps > 0) federation.local_epochs = 0;
}

/// Presets and the default group spelt out.
Config resolved(Config config) {
  config.average = averaging_groups(config);
  config.federation.preset.clear();
  replace_epochs_by_steps(config.federation);
  return config;
}

/// Every key of a resolved config.
std::map<std::string, std::string> values(Config const& config) {
  auto const all = resolved(config);
  std::map<std::string, std::string> result;
  for (auto const& key : config_keys()) result[key.name] = key.get(all);
  for (auto const& group : all.average) {
    for (auto const& key : group_keys()) {
      result["average." + group.name + "." + key.name] = key.get(group);
    }
  }
  return result;
}

/// "# affects results: run.seed run.threads ...", a line an effect: for those who read a stored
/// config and have to know which differences matter.
void print_effects(std::ostream& out, Config const& resolved) {
  std::map<std::string, std::string> keys;
  auto const note = [&](std::string const& key, Effect const& effect) {
    for (auto const& name : names_of(effect)) keys[name] += " " + key;
  };
  for (auto const& key : config_keys()) note(key.name, key.effect);
  for (auto const& group : resolved.average) {
    for (auto const& key : group_keys()) note("average." + group.name + "." + key.name, key.effect);
  }
  out << '\n';
  for (auto const& [name, list] : keys) out << "# affects " << name << ':' << list << '\n';
}

/// Words of `text` in lines of at most kHelpWidth columns, the first of which begins with `left`,
/// the others with as many blanks.
std::string wrapped(std::string const& left, std::string const& text) {
  constexpr std::size_t kHelpWidth = 100;
  std::string const indent(left.size(), ' ');
  std::string result, line = left;
  for (auto const& word : split(text, ' ')) {
    if (line.size() + word.size() > kHelpWidth && line.size() > left.size()) {
      result += line.substr(0, line.size() - 1) + '\n';
      line = indent;
    }
    line += word + ' ';
  }
  return result + line.substr(0, line.size() - 1) + '\n';
}

/// "  every = 1    (integer >= 0; rounds)" and, below, what it is.
template <class Owner>
void explain(std::ostream& out, Key<Owner> const& key, std::string const& name,
             Owner const& defaults) {
  std::string const value = key.get(defaults);
  std::string left = "  " + name + (value.empty() ? " =" : " = ") + value;
  left.resize(std::max<std::size_t>(left.size() + 2, 36), ' ');
  std::string allowed(1, '(');
  allowed.append(key.allowed)
      .append(key.unit.empty() ? "" : "; ")
      .append(key.unit)
      .append("; affects " + join(names_of(key.effect), ", ") + ")");
  out << wrapped(left, allowed) << wrapped("      ", key.help);
}

}  // namespace

void apply(Config& config, Assignment const& given) {
  if (given.key.starts_with(kAverage)) return apply_to_group(config, given);
  for (auto const& key : config_keys()) {
    if (key.name == given.key) return set_key(key, config, given);
  }
  unknown_key(given.key, given.source);
}

void apply_all(Config& config, std::vector<Assignment> const& given) {
  for (auto const& item : given) apply(config, item);
  bool const epochs_given = std::ranges::any_of(
      given, [](auto const& item) { return item.key == "federation.local_epochs"; });
  if (!epochs_given) replace_epochs_by_steps(config.federation);
}

void apply_sections(Config& config, std::vector<IniSection> const& sections) {
  auto const known = section_names();
  for (auto const& [section, source] : sections) {
    if (section.starts_with(kAverage)) {
      group_of(config, section.substr(kAverage.size()), source);
    } else if (std::count(known.begin(), known.end(), section) == 0) {
      unknown_section(section, source);
    }
  }
}

std::vector<Difference> differences(Config const& before, Config const& now) {
  auto const old = values(before), fresh = values(now);
  std::vector<Difference> result;
  auto const compare = [&](std::string const& key) {
    auto const a = old.find(key), b = fresh.find(key);
    auto const was = a == old.end() ? "" : a->second, is = b == fresh.end() ? "" : b->second;
    if (was != is) result.push_back({key, was, is, effect_of(key).value()});
  };
  for (auto const& [key, value] : old) compare(key);
  for (auto const& [key, value] : fresh) {
    if (!old.contains(key)) compare(key);
  }
  return result;
}

std::string to_text(Config const& config) {
  auto const resolved = fedstrata::resolved(config);
  std::ostringstream out;
  std::string section;
  for (auto const& key : config_keys()) {
    if (section_of(key.name) != section) {
      if (section == "federation") {
        for (auto const& group : resolved.average) {
          out << "\n[average." << group.name << "]\n";
          for (auto const& entry : group_keys()) print(out, entry.name, entry.get(group));
        }
      }
      out << (section.empty() ? "[" : "\n[");
      section = section_of(key.name);
      out << section << "]\n";
    }
    print(out, key.name.substr(section.size() + 1), key.get(resolved));
  }
  print_effects(out, resolved);
  return out.str();
}

std::string config_help(std::string const& only) {
  std::ostringstream out;
  Config const defaults;
  std::string section;
  for (auto const& key : config_keys()) {
    if (!only.empty() && section_of(key.name) != only) continue;
    if (section_of(key.name) != section) {
      if (section == "federation") {
        out << "\n[average.NAME]  (none = one group of all layers, every round)\n";
        for (auto const& entry : group_keys()) explain(out, entry, entry.name, AverageGroup{});
      }
      out << (section.empty() ? "[" : "\n[");
      section = section_of(key.name);
      out << section << "]\n";
    }
    explain(out, key, key.name.substr(section.size() + 1), defaults);
  }
  return out.str();
}

}  // namespace fedstrata
