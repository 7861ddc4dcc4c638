#pragma once
#include <functional>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

/// One setting, described once: reading, printing and the help all use this.
template <class Owner>
struct Key {
  std::string name;     ///< "train.lr"; of a group "every"
  std::string unit;     ///< "" = none
  std::string allowed;  ///< types and values, in words
  std::string help;     ///< one line
  std::function<std::string(Owner const&)> get;
  std::function<bool(Owner&, std::string const&)> set;  ///< false, nothing set: not allowed
};

/// Keys of all sections with one name, in the order of the help.
std::vector<Key<Config>> const& config_keys();

/// Keys of a section [average.NAME].
std::vector<Key<AverageGroup>> const& group_keys();

/// What concerns several keys at once. Throws InputError that begins with `source`.
void check_consistency(Config const& config, std::string const& source);

}  // namespace fedstrata
