#pragma once
#include "common/store/rows/row_file.hpp"

namespace fedstrata {

/// Row files for the program alone, which it writes often: integers and rows one after another, and
/// a checksum of all that (docs/file-format.md). Files of version 0.1.0 are read too.
RowFormat const& flat_rows();

/// Is the file what was written under this name, by its checksum?
bool is_intact_flat_file(std::filesystem::path const& path);

}  // namespace fedstrata
