#pragma once
#include <string>
#include <vector>

#include "common/config/ini.hpp"

namespace fedstrata {

/// A key of the configuration and values for it.
struct SweepAxis {
  std::string key;  ///< "train.lr", "average.NAME.every"
  std::vector<std::string> values;
  std::string source = {};  ///< "FILE:LINE"; "" of a preset's
};

/// What `key = value | value & key = value` says under a name.
struct SweepRule {
  std::string name;
  std::vector<SweepAxis> axes;  ///< one or more
};

/// A sweep file as it was read (docs/sweeps.md).
struct SweepFile {
  std::string source;            ///< for messages
  std::string name;              ///< of the sweep
  std::string base;              ///< path of the config file that all cells start from
  std::string base_source;       ///< "FILE:LINE"
  std::string directory;         ///< where the cells go
  std::string former_directory;  ///< where 0.1.0 had them: relative to the working directory
  int ranks = 1;                 ///< of each cell
  std::string ranks_source;      ///< "FILE:LINE"; "" where the file does not say
  std::vector<Assignment> set;   ///< settings of all cells
  std::vector<SweepAxis> axes;   ///< the grid; the last one varies fastest
  std::vector<SweepRule> cells;  ///< small grids besides
  std::vector<SweepRule> exclude;
};

/// Reads a sweep file's text. `source` is its path: `base` and `dir` are relative to its directory,
/// and the name of the sweep is the file's unless given. Keys and values of the configuration are
/// not looked at. Throws InputError.
SweepFile parse_sweep(std::string const& text, std::string const& source);

}  // namespace fedstrata
