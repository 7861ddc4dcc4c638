#pragma once
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

// Text to settings, key by key; options.hpp is what others use.

/// "key = value" and where it was found.
struct Assignment {
  std::string key;  ///< "train.lr", "average.NAME.every"
  std::string value;
  std::string source;
};

/// Reads INI text, a key as "section.key". Throws InputError: a line that is neither, a key twice.
std::vector<Assignment> read_ini(std::string const& text, std::string const& source);

/// Names of the sections in INI text, in their order, empty sections included.
std::vector<std::string> sections_of(std::string const& text);

/// Reads the file whole. Throws InputError, calling it `what`, when it cannot be read.
std::string read_input(std::string const& path, std::string const& what);

/// Sets one key. Throws InputError: unknown key (with the nearest), value not allowed.
void apply(Config& config, Assignment const& given);

/// Checks the names of the sections in INI text and makes the groups that it names, those without
/// keys included. Throws InputError.
void apply_sections(Config& config, std::string const& text, std::string const& source);

}  // namespace fedstrata
