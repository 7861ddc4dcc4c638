#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

/// What a setting affects; several may be true. Whoever has to know whether a changed setting
/// matters (resume, sweeps, `analyze`, means over runs) asks this.
struct Effect {
  bool results = false;   ///< what training gives, if only in the last bits
  bool analysis = false;  ///< what the analysis gives, if only in the last bits
  bool storage = false;   ///< what of it is kept, but no number in it
  bool machine = false;   ///< belongs to the machine: where files lie, what computes
  bool limits = false;    ///< how much time, memory and how many ranks may be used

  bool operator==(Effect const&) const = default;
  /// Does it decide about a number that somebody reads?
  bool numbers() const { return results || analysis; }
};

/// The names of what is true, in the order above.
std::vector<std::string> names_of(Effect const& effect);

/// One setting, described once: reading, printing and the help all use this.
template <class Owner>
struct Key {
  std::string name;     ///< "train.lr"; of a group "every"
  std::string unit;     ///< "" = none
  std::string allowed;  ///< types and values, in words
  std::string help;     ///< one line
  std::function<std::string(Owner const&)> get;
  std::function<bool(Owner&, std::string const&)> set;  ///< false, nothing set: not allowed
  Effect effect = {};  ///< in sections/: none said = that of the section (keys.cpp)
  std::function<bool(Owner const&)> used = {};  ///< has it an effect? {} = whatever the others are
  std::string use = {};                         ///< where it has one: "train.schedule = step"
  std::string older = {};  ///< what stored configs without it mean; "" = the default
};

/// Keys of all sections with one name, in the order of the help.
std::vector<Key<Config>> const& config_keys();

/// Keys of a section [average.NAME].
std::vector<Key<AverageGroup>> const& group_keys();

/// What the key "section.key" or "average.NAME.key" affects; nothing: there is no such key.
std::optional<Effect> effect_of(std::string const& key);

/// A sentence for each setting that has no effect beside the others, unless it has its default, and
/// for each interval of which none ends within the run.
/// They are no error: stored configs and sweeps hold such settings.
std::vector<std::string> settings_without_effect(Config const& config);

/// What concerns several keys at once. Throws InputError that begins with `source`.
void check_consistency(Config const& config, std::string const& source);

}  // namespace fedstrata
