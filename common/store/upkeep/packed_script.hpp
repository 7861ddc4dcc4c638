#pragma once
#include <filesystem>

#include "common/hdf5/file.hpp"

namespace fedstrata {

// The script of a run's model, in a packed file: table /script, whose rows are its bytes in pieces;
// attribute `size` says how many they are.

/// Nothing where the run has no script.
void pack_script(std::filesystem::path const& script, hdf5::File& packed);
void unpack_script(hdf5::File const& packed, std::filesystem::path const& script);

}  // namespace fedstrata
