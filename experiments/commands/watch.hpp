#pragma once
#include <string>

#include "common/config/command_line.hpp"

namespace fedstrata {

struct WatchOptions {
  std::string target;  ///< directory of a run or a sweep
  bool once = false;
  double every = 2.0;  ///< seconds
};

Command<WatchOptions> const& watch_command();

/// Shows a run or a sweep in the terminal, again and again until a signal, or once; returns the
/// exit code. Throws InputError when the directory is neither.
int watch(WatchOptions const& options);

}  // namespace fedstrata
