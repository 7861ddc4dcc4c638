#pragma once
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/config/ini.hpp"
#include "common/config/keys.hpp"

namespace fedstrata {

// Text to settings and back, key by key.

/// Sets one key. Throws InputError: unknown key (with the nearest), value not allowed.
void apply(Config& config, Assignment const& given);

/// Sets them in this order. local_steps, if they set it and leave local_epochs alone, takes its
/// place.
void apply_all(Config& config, std::vector<Assignment> const& given);

/// Checks the names of the sections in INI text and makes the groups that it names, those without
/// keys included. Throws InputError.
void apply_sections(Config& config, std::vector<IniSection> const& sections);

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

/// Every key, of one section or of all (""), with its default, unit, allowed values, effects and
/// one line of explanation.
std::string config_help(std::string const& section = "");

}  // namespace fedstrata
