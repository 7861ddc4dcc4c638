#pragma once
#include <string>

#include "common/config.hpp"

namespace fedstrata {

// Text to settings, key by key; options.hpp is what others use.

/// "key = value" and where it was found.
struct Assignment {
  std::string key;  ///< "train.lr", "average.NAME.every"
  std::string value;
  std::string source;
};

/// Sets one key. Throws InputError: unknown key (with the nearest), value not allowed.
void apply(Config& config, Assignment const& given);

/// Checks the names of the sections in INI text and makes the groups that it names, those without
/// keys included. Throws InputError.
void apply_sections(Config& config, std::string const& text, std::string const& source);

}  // namespace fedstrata
