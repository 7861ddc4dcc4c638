#pragma once
#include "common/config/options.hpp"

namespace fedstrata {

/// Shows a run or a sweep in the terminal, again and again until a signal, or once; returns the
/// exit code. Throws InputError when the directory is neither.
int watch(CommandLine const& line);

}  // namespace fedstrata
