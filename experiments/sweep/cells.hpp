#pragma once
#include <string>
#include <utility>
#include <vector>

#include "common/config/config.hpp"
#include "experiments/sweep/file.hpp"

namespace fedstrata {

/// One run of a sweep.
struct SweepCell {
  std::string name;   ///< of its files: what was set in short, and the hash
  std::string label;  ///< its name in [cells]; "" for cells of the axes
  std::string hash;   ///< of the settings that decide about results: the cell's identity
  std::vector<std::pair<std::string, std::string>> settings;  ///< key and value as in the file
  Config config;

  /// The value of a column: as set, otherwise the config's; "" where it has no such key.
  std::string value(std::string const& key) const;
};

/// The keys that the sweep varies, in the order of the file: axes, then keys of [cells].
std::vector<std::string> sweep_columns(SweepFile const& sweep);

/// The cells in the order of the file, each once, the last axis varying fastest; `base` is the text
/// of the base config. Averaging groups that the base does not have replace those it has. Throws
/// InputError: a key or value that is not possible, a cell of [cells] that is one of [axes] or has
/// another name as well, a rule that excludes nothing, no cell left, more than 100,000 cells.
std::vector<SweepCell> sweep_cells(SweepFile const& sweep, std::string const& base);

/// A sentence about a cell's settings, behind its name and the place in the file of the key that it
/// names first: "FILE:LINE: cell NAME: SENTENCE"; only "FILE" where the key is not in the file.
std::string cell_problem(SweepFile const& sweep, SweepCell const& cell,
                         std::string const& sentence);

/// 10 hexadecimal digits, of all settings that differ from their defaults and affect results or the
/// analysis.
std::string settings_hash(Config const& config);

}  // namespace fedstrata
