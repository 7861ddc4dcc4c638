#pragma once
#include "common/config/options.hpp"

namespace fedstrata {

/// `fedstrata inspect RUN_DIR [--verify] [--pack OUT.h5] [--rebuild-index]`: prints what is in
/// a run; --verify compares every file with its checksum instead, --pack copies all into one file,
/// --rebuild-index writes run.h5 anew from the files beside it. Returns the exit
/// code: 2 when --verify found damage (a sentence a file on stderr), else 0. Throws as Run
/// does.
int inspect(CommandLine const& command);

}  // namespace fedstrata
