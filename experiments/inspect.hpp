#pragma once
#include "common/options.hpp"

namespace fedstrata {

/// Prints what is in a run; --verify checks every file, --pack copies all into one file.
int inspect(CommandLine const& line);

}  // namespace fedstrata
