#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/hdf5/file.hpp"

namespace fedstrata::hdf5 {

// The library's calls, as objects that close themselves and errors that say what could not be done.
// For the files of this folder only, which is why ids are
// integers here: hdf5.h stays inside.

/// Throws Error with what the library says, "HDF5 cannot `what`: ...".
[[noreturn]] void fail(std::string const& what);

/// What a call returned; throws as fail() when it failed.
template <class Status>
Status check(Status status, std::string const& what) {
  if (status < 0) fail(what);
  return status;
}

/// Owns what a call returned; throws as fail() when it failed.
Handle own(std::int64_t id, Handle::Close close, std::string const& what);
/// Call it before the first file. Without an exit handler HDF5 cannot hang at the end over a file
/// that a full disk left unflushed.
void start_library();
Handle make_space(std::vector<std::int64_t> const& shape);
Handle scalar_space();
/// Selects rows first .. first + count - 1, all columns; `too`: beside what is selected already.
void select_rows(Handle const& space, std::vector<std::int64_t> const& shape, RowRun run,
                 bool too = false);
/// Without times, so that equal contents give equal files.
Handle dataset_properties();
Handle link_properties();
Handle make_dataset(Handle const& file, std::string const& name, std::int64_t type,
                    Handle const& space, Handle const& properties);
Handle open_dataset(Handle const& file, std::string const& name);
Handle open_object(Handle const& file, std::string const& name);
Handle space_of(Handle const& dataset);
std::vector<std::int64_t> shape_of(Handle const& space);
std::vector<std::string> member_names(std::int64_t group);
bool is_virtual(Handle const& properties);

inline constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kBestRatio = 1032;                     // of deflate
inline constexpr std::int64_t kMostVirtual = std::int64_t{1} << 24;  // bytes that are read at once

/// What a dataset's values take, checked before memory is: a small file can declare any shape.
/// Filters may compress by `ratio`; the values of a virtual dataset are not stored with it.
std::int64_t bytes_of(Handle const& dataset, std::string const& name, std::int64_t ratio,
                      std::int64_t most_virtual);

}  // namespace fedstrata::hdf5
