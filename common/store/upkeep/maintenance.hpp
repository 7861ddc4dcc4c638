#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "common/store/run.hpp"

namespace fedstrata {

// What is done to a run as a whole, by hand (fedstrata inspect). All throw InputError where there
// is no run.

/// One sentence per damaged or missing file; empty when all is well.
std::vector<std::string> verify_run(std::filesystem::path const& path);

/// Builds the index of a run anew that lost it or whose index is damaged, or to which others added
/// files. Those that an intact index names are compared with their checksums, all others are read
/// by a child process first. Throws InputError naming the file: damaged, crashes HDF5, not as we
/// write it.
Run rebuild_index(std::filesystem::path const& path);

/// Copies everything reachable from run.h5 into one self-contained file.
void pack_run(std::filesystem::path const& path, std::filesystem::path const& out);

}  // namespace fedstrata
