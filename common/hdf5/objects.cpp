#include "common/hdf5/objects.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "common/base/error.hpp"

namespace fedstrata::hdf5 {
namespace {

static_assert(std::is_same_v<hid_t, std::int64_t> && std::is_same_v<herr_t, int>);

// The innermost message that quotes the system ("No space left on device"), else the innermost.
herr_t collect_reason(unsigned, H5E_error2_t const* entry, void* data) {
  auto& reason = *static_cast<std::string*>(data);
  std::string const text = entry->desc != nullptr ? entry->desc : "";
  std::string const mark = "error message = '";
  if (auto const at = text.find(mark); at != std::string::npos) {
    auto const from = at + mark.size();
    reason = text.substr(from, text.find('\'', from) - from);
    return 1;
  }
  if (reason.empty()) reason = text;
  return 0;
}

std::vector<hsize_t> sizes(std::vector<std::int64_t> const& shape) {
  std::vector<hsize_t> result;
  for (auto const n : shape) result.push_back(static_cast<hsize_t>(n));
  return result;
}

}  // namespace

Handle::Handle(Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), close_(std::exchange(other.close_, nullptr)) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  return *this;
}

Handle::~Handle() {
  if (id_ >= 0) close_(id_);
}

void Handle::close() {
  if (id_ >= 0) check(close_(std::exchange(id_, -1)), "finish writing");
}

[[noreturn]] void fail(std::string const& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect_reason, &reason);
  H5Eclear2(H5E_DEFAULT);
  throw Error("HDF5 cannot " + what + (reason.empty() ? "" : ": " + reason));
}

Handle own(hid_t id, Handle::Close close, std::string const& what) {
  return {check(id, what), close};
}

void start_library() {
  static bool const started = [] {
    ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    H5dont_atexit();
    check(H5open(), "start");
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return true;
  }();
  static_cast<void>(started);
}

Handle make_space(std::vector<std::int64_t> const& shape) {
  auto const dims = sizes(shape);
  return own(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose,
             "make a dataspace");
}

Handle scalar_space() { return own(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace"); }

void select_rows(Handle const& space, std::vector<std::int64_t> const& shape, RowRun run,
                 bool too) {
  auto count = sizes(shape);
  std::vector<hsize_t> start(shape.size(), 0);
  start[0] = static_cast<hsize_t>(run.first);
  count[0] = static_cast<hsize_t>(run.count);
  check(H5Sselect_hyperslab(space.id(), too ? H5S_SELECT_OR : H5S_SELECT_SET, start.data(), nullptr,
                            count.data(), nullptr),
        "select rows");
}

Handle dataset_properties() {
  auto properties = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make properties");
  check(H5Pset_obj_track_times(properties.id(), false), "make properties");
  return properties;
}

Handle link_properties() {
  auto properties = own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make properties");
  check(H5Pset_create_intermediate_group(properties.id(), 1), "make properties");
  return properties;
}

Handle make_dataset(Handle const& file, std::string const& name, hid_t type, Handle const& space,
                    Handle const& properties) {
  return own(H5Dcreate2(file.id(), name.c_str(), type, space.id(), link_properties().id(),
                        properties.id(), H5P_DEFAULT),
             H5Dclose, "make dataset " + name);
}

Handle open_dataset(Handle const& file, std::string const& name) {
  return own(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT), H5Dclose, "open dataset " + name);
}

Handle open_object(Handle const& file, std::string const& name) {
  return own(H5Oopen(file.id(), name.c_str(), H5P_DEFAULT), H5Oclose, "open " + name);
}

Handle space_of(Handle const& dataset) {
  return own(H5Dget_space(dataset.id()), H5Sclose, "read a dataspace");
}

std::vector<std::int64_t> shape_of(Handle const& space) {
  auto const rank = check(H5Sget_simple_extent_ndims(space.id()), "read a dataspace");
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  if (rank > 0)
    check(H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr), "read a dataspace");
  return {dims.begin(), dims.end()};
}

std::vector<std::string> member_names(hid_t group) {
  H5G_info_t info;
  check(H5Gget_info(group, &info), "list a group");
  std::vector<std::string> result;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    auto const size = check(
        H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT),
        "list a group");
    std::string name(static_cast<std::size_t>(size), '\0');
    check(H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(),
                             name.size() + 1, H5P_DEFAULT),
          "list a group");
    result.push_back(std::move(name));
  }
  return result;
}

bool is_virtual(Handle const& properties) { return H5Pget_layout(properties.id()) == H5D_VIRTUAL; }

std::int64_t bytes_of(Handle const& dataset, std::string const& name, std::int64_t ratio,
                      std::int64_t most_virtual) {
  auto const space = space_of(dataset);
  if (check(H5Sget_simple_extent_type(space.id()), "read a dataspace") == H5S_NULL) return 0;
  auto const shape = shape_of(space);
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  auto const type = own(H5Dget_type(dataset.id()), H5Tclose, "read a type");
  auto bytes = static_cast<std::int64_t>(H5Tget_size(type.id()));
  bool fits = true;
  for (auto const n : shape) fits = fits && n > 0 && !__builtin_mul_overflow(bytes, n, &bytes);
  auto const properties = own(H5Dget_create_plist(dataset.id()), H5Pclose, "read " + name);
  require(H5Pget_external_count(properties.id()) == 0,
          "dataset " + name + " has its values in another file");
  auto most = most_virtual;
  if (!is_virtual(properties)) {
    most = static_cast<std::int64_t>(H5Dget_storage_size(dataset.id()));
    if (H5Pget_nfilters(properties.id()) > 0 && __builtin_mul_overflow(most, ratio, &most))
      most = kUnlimited;
  }
  require(fits && bytes <= most, "dataset " + name + " holds less than its shape says");
  return bytes;
}

}  // namespace fedstrata::hdf5
