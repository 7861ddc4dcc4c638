#include "common/hdf5/copy.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "common/base/error.hpp"
#include "common/hdf5/objects.hpp"

namespace fedstrata::hdf5 {
namespace {

// In pieces of whole rows, about 16 MiB each.
void copy_values(Handle const& from, Handle const& to, std::string const& name, hid_t type,
                 std::vector<std::int64_t> shape) {
  auto const total = bytes_of(from, name, kBestRatio, kUnlimited);
  if (total == 0) return;
  bool const scalar = shape.empty();
  if (scalar) shape = {1};
  auto const row_bytes = total / shape[0];
  auto const step = std::clamp((std::int64_t{16} << 20) / row_bytes, std::int64_t{1}, shape[0]);
  std::vector<std::byte> buffer(static_cast<std::size_t>(step * row_bytes));
  for (std::int64_t first = 0; first < shape[0]; first += step) {
    auto piece = shape;
    piece[0] = std::min(step, shape[0] - first);
    auto const file_space = scalar ? scalar_space() : make_space(shape);
    if (!scalar) select_rows(file_space, shape, {first, piece[0]});
    auto const memory = make_space(piece);
    check(H5Dread(from.id(), type, memory.id(), file_space.id(), H5P_DEFAULT, buffer.data()),
          "read dataset " + name);
    auto const written =
        H5Dwrite(to.id(), type, memory.id(), file_space.id(), H5P_DEFAULT, buffer.data());
    check(H5Dvlen_reclaim(type, memory.id(), H5P_DEFAULT, buffer.data()), "copy dataset " + name);
    check(written, "write dataset " + name);
  }
}

template <class Get>
std::string text_of(Get get) {
  std::string text(static_cast<std::size_t>(check(get(nullptr, 0), "read a mapping")), '\0');
  check(get(text.data(), text.size() + 1), "read a mapping");
  return text;
}

// HDF5 reads what a source lacks as fill values, and crashes or runs on for ever where a source has
// another shape than the virtual dataset was made for.
void check_sources(Handle const& dataset, std::string const& name) {
  auto const properties = own(H5Dget_create_plist(dataset.id()), H5Pclose, "read " + name);
  if (!is_virtual(properties)) return;
  std::filesystem::path const here =
      text_of([&](char* text, std::size_t size) { return H5Fget_name(dataset.id(), text, size); });
  std::size_t count = 0;
  check(H5Pget_virtual_count(properties.id(), &count), "read " + name);
  for (std::size_t i = 0; i < count; ++i) {
    auto const file = text_of([&](char* text, std::size_t size) {
      return H5Pget_virtual_filename(properties.id(), i, text, size);
    });
    auto const part = text_of([&](char* text, std::size_t size) {
      return H5Pget_virtual_dsetname(properties.id(), i, text, size);
    });
    auto const path = here.parent_path() / file;
    auto const owner = own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                           "open '" + path.string() + "'");
    auto const source = open_dataset(owner, part);
    auto const there = shape_of(space_of(source));
    auto const wanted =
        shape_of(own(H5Pget_virtual_srcspace(properties.id(), i), H5Sclose, "read " + name));
    bytes_of(source, part, kBestRatio, 0);
    require(!there.empty() && there.size() == wanted.size() && there[0] >= wanted[0] &&
                std::equal(there.begin() + 1, there.end(), wanted.begin() + 1),
            "dataset " + part + " of '" + path.string() + "' has not the shape that " + name +
                " needs");
  }
}

void copy_dataset(Handle const& from, Handle const& target_file, std::string const& name) {
  check_sources(from, name);
  auto const type = own(H5Dget_type(from.id()), H5Tclose, "read a type");
  auto const space = space_of(from);
  auto to = make_dataset(target_file, name, type.id(), space, dataset_properties());
  copy_attributes(from, to);
  copy_values(from, to, name, type.id(), shape_of(space));
  to.close();
}

}  // namespace

void copy_attributes(Handle const& from, Handle const& to) {
  auto const count = check(H5Aget_num_attrs(from.id()), "list attributes");
  for (int i = 0; i < count; ++i) {
    auto const source = own(H5Aopen_by_idx(from.id(), ".", H5_INDEX_NAME, H5_ITER_INC,
                                           static_cast<hsize_t>(i), H5P_DEFAULT, H5P_DEFAULT),
                            H5Aclose, "open an attribute");
    auto const length = check(H5Aget_name(source.id(), 0, nullptr), "read an attribute");
    std::string name(static_cast<std::size_t>(length), '\0');
    check(H5Aget_name(source.id(), name.size() + 1, name.data()), "read an attribute");
    auto const type = own(H5Aget_type(source.id()), H5Tclose, "read an attribute");
    auto const space = own(H5Aget_space(source.id()), H5Sclose, "read an attribute");
    auto const points = check(H5Sget_simple_extent_npoints(space.id()), "read an attribute");
    std::vector<std::byte> value(H5Tget_size(type.id()) *
                                 static_cast<std::size_t>(std::max<hssize_t>(points, 1)));
    check(H5Aread(source.id(), type.id(), value.data()), "read attribute " + name);
    auto target =
        own(H5Acreate2(to.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
            H5Aclose, "copy attribute " + name);
    check(H5Awrite(target.id(), type.id(), value.data()), "copy attribute " + name);
    check(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, value.data()),
          "copy attribute " + name);
    target.close();
  }
}

void copy_members(Handle const& from, Handle const& target, std::string const& prefix,
                  std::vector<std::string> const& leave_out) {
  constexpr auto kDeepest = 2;  // links can go round in circles
  require(std::count(prefix.begin(), prefix.end(), '/') <= kDeepest,
          "group " + prefix + " lies deeper than any of a run");
  for (auto const& name : member_names(from.id())) {
    if (std::find(leave_out.begin(), leave_out.end(), name) != leave_out.end()) continue;
    auto const path = prefix + "/" + name;
    auto const object = open_object(from, name);
    if (H5Iget_type(object.id()) == H5I_DATASET) {
      copy_dataset(object, target, path);
      continue;
    }
    auto const group =
        own(H5Gcreate2(target.id(), path.c_str(), link_properties().id(), H5P_DEFAULT, H5P_DEFAULT),
            H5Gclose, "make group " + path);
    copy_attributes(object, group);
    copy_members(object, target, path, {});
  }
}

}  // namespace fedstrata::hdf5
