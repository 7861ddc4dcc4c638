#pragma once
#include <string>
#include <vector>

#include "common/hdf5/file.hpp"

namespace fedstrata::hdf5 {

// Copying of what links and virtual datasets reach. For the files of this folder only.

void copy_attributes(Handle const& from, Handle const& to);

/// Copies the members of a group to the group `prefix` of the file `target`, but for those in
/// `leave_out`. Throws Error where a virtual dataset has a source that it was not made for.
void copy_members(Handle const& from, Handle const& target, std::string const& prefix,
                  std::vector<std::string> const& leave_out);

}  // namespace fedstrata::hdf5
