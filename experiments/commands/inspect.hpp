#pragma once
#include <string>

#include "common/config/command_line.hpp"

namespace fedstrata {

struct InspectOptions {
  std::string target;  ///< directory of a run
  bool verify = false;
  std::string pack;
  bool json = false;
  bool clean = false;
  std::string remove;  ///< name of an analysis
  bool rebuild_index = false;
};

Command<InspectOptions> const& inspect_command();

/// Prints what is in a run; with verify compares every file with its checksum instead, with pack
/// copies all into one file, with json prints it for scripts, with clean and remove removes files,
/// with rebuild_index writes run.h5 anew from the files beside it. Returns the exit code: 2 when
/// verify found damage (a sentence a file on stderr), else 0. Throws as Run does.
int inspect(InspectOptions const& options);

}  // namespace fedstrata
