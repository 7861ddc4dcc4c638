#include "common/store/hdf5.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "common/base/error.hpp"

// The one file that uses HDF5. Every handle closes itself, every call is checked, and the library's
// own stack of messages becomes one sentence. HDF5 is kept from what a run directory does not need:
// its locks (a reader must not stop a writer), its exit handler (which can hang over a file that a
// full disk left half written) and its printed errors.

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

[[noreturn]] void fail(std::string const& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect_reason, &reason);
  H5Eclear2(H5E_DEFAULT);
  throw Error("HDF5 cannot " + what + (reason.empty() ? "" : ": " + reason));
}

template <class Status>
Status check(Status status, std::string const& what) {
  if (status < 0) fail(what);
  return status;
}

Handle own(hid_t id, Handle::Close close, std::string const& what) {
  return {check(id, what), close};
}

// Without an exit handler HDF5 cannot hang at the end over a file that a full disk left unflushed.
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

std::vector<hsize_t> sizes(std::vector<std::int64_t> const& shape) {
  std::vector<hsize_t> result;
  for (auto const n : shape) result.push_back(static_cast<hsize_t>(n));
  return result;
}

Handle make_space(std::vector<std::int64_t> const& shape) {
  auto const dims = sizes(shape);
  return own(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose,
             "make a dataspace");
}

Handle scalar_space() { return own(H5Screate(H5S_SCALAR), H5Sclose, "make a dataspace"); }

// Rows first .. first + count - 1, all columns.
void select_rows(Handle const& space, std::vector<std::int64_t> const& shape, RowRun run,
                 H5S_seloper_t mode = H5S_SELECT_SET) {
  auto count = sizes(shape);
  std::vector<hsize_t> start(shape.size(), 0);
  start[0] = static_cast<hsize_t>(run.first);
  count[0] = static_cast<hsize_t>(run.count);
  check(H5Sselect_hyperslab(space.id(), mode, start.data(), nullptr, count.data(), nullptr),
        "select rows");
}

Handle text_type(std::size_t size) {
  auto type = own(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check(H5Tset_size(type.id(), size), "make a text type");
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "make a text type");
  return type;
}

Handle variable_text_type() {
  auto type = own(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check(H5Tset_size(type.id(), H5T_VARIABLE), "make a text type");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "make a text type");
  return type;
}

// `packed`: as in the file, without the gaps a struct may have.
Handle table_type(TableLayout const& layout, bool packed) {
  std::size_t size = 0;
  for (auto const& field : layout.fields) size += field.size;
  auto type = own(H5Tcreate(H5T_COMPOUND, packed ? size : layout.record_size), H5Tclose,
                  "make a table type");
  std::size_t offset = 0;
  for (auto const& field : layout.fields) {
    auto const text = text_type(std::max<std::size_t>(field.size, 1));
    auto const member = field.type == FieldType::int64     ? H5T_NATIVE_INT64
                        : field.type == FieldType::float64 ? H5T_NATIVE_DOUBLE
                                                           : text.id();
    check(H5Tinsert(type.id(), field.name, packed ? offset : field.offset, member),
          "make a table type");
    offset += field.size;
  }
  return type;
}

std::vector<std::byte> absent_record(TableLayout const& layout) {
  std::vector<std::byte> record(layout.record_size);
  for (auto const& field : layout.fields) {
    auto const integer = std::numeric_limits<std::int64_t>::min();
    if (field.type == FieldType::int64) std::memcpy(&record[field.offset], &integer, 8);
    if (field.type == FieldType::float64) std::memcpy(&record[field.offset], &kAbsent, 8);
  }
  return record;
}

// Without times, so that equal contents give equal files.
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

bool is_virtual(Handle const& properties) { return H5Pget_layout(properties.id()) == H5D_VIRTUAL; }

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kBestRatio = 1032;                     // of deflate
constexpr std::int64_t kMostVirtual = std::int64_t{1} << 24;  // bytes that are read at once

// What a dataset's values take, checked before memory is: a small file can declare any shape.
// Filters may compress by `ratio`; the values of a virtual dataset are not stored with it.
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

Handle open_object(Handle const& file, std::string const& name) {
  return own(H5Oopen(file.id(), name.c_str(), H5P_DEFAULT), H5Oclose, "open " + name);
}

void write_attribute(Handle const& file, std::string const& object, std::string const& key,
                     Handle const& type, Handle const& space, void const* value) {
  auto const what = "write attribute " + key + " of " + object;
  auto const owner = open_object(file, object);
  auto attribute =
      own(H5Acreate2(owner.id(), key.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
          H5Aclose, what);
  check(H5Awrite(attribute.id(), type.id(), value), what);
  attribute.close();
}

Handle open_attribute(Handle const& file, std::string const& object, std::string const& key) {
  auto const owner = open_object(file, object);
  return own(H5Aopen(owner.id(), key.c_str(), H5P_DEFAULT), H5Aclose,
             "read attribute " + key + " of " + object);
}

// One value, not several, for which there would be no room.
Handle open_value(Handle const& file, std::string const& object, std::string const& key) {
  auto attribute = open_attribute(file, object, key);
  auto const space = own(H5Aget_space(attribute.id()), H5Sclose, "read attribute " + key);
  require(check(H5Sget_simple_extent_npoints(space.id()), "read attribute " + key) == 1,
          "attribute " + key + " of " + object + " is not a single value");
  return attribute;
}

Handle native(hid_t type) { return own(H5Tcopy(type), H5Tclose, "copy a type"); }

// One selection, of whole rows, for reading or writing one row of a dataset.
template <class Transfer>
void transfer_row(Handle const& dataset, std::string const& name, std::int64_t row,
                  std::size_t elements, Transfer transfer) {
  auto const space = space_of(dataset);
  auto const shape = shape_of(space);
  require((shape.size() == 1 || shape.size() == 2) &&
              shape.back() == static_cast<std::int64_t>(elements) &&
              (shape.size() == 1 || (row >= 0 && row < shape[0])),
          "row " + std::to_string(row) + " of " + std::to_string(elements) +
              " elements does not fit dataset " + name);
  if (elements == 0) return;
  if (shape.size() > 1) select_rows(space, shape, {row, 1});
  transfer(make_space({shape.back()}).id(), space.id());
}

void make_virtual(Handle const& file, std::string const& name, hid_t type,
                  std::vector<std::int64_t> const& shape, void const* fill, hid_t fill_type,
                  std::vector<VirtualPart> const& parts) {
  auto const properties = dataset_properties();
  check(H5Pset_fill_value(properties.id(), fill_type, fill), "make dataset " + name);
  bool const empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  for (auto const& part : parts) {
    auto source_shape = shape;
    source_shape[0] = part.source_rows;
    auto const target = make_space(shape);
    auto const source = make_space(source_shape);
    std::int64_t rows = 0;
    check(H5Sselect_none(target.id()), "select rows");
    for (auto const& run : part.target) {
      select_rows(target, shape, run, rows == 0 ? H5S_SELECT_SET : H5S_SELECT_OR);
      rows += run.count;
    }
    if (empty || rows == 0) continue;
    select_rows(source, source_shape, {part.source_first, rows});
    check(H5Pset_virtual(properties.id(), target.id(), part.file.c_str(), part.dataset.c_str(),
                         source.id()),
          "make dataset " + name);
  }
  make_dataset(file, name, type, make_space(shape), properties).close();
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

File File::create(std::filesystem::path const& path) {
  start_library();
  return File(own(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                  "make a file"));
}

File File::open(std::filesystem::path const& path) {
  start_library();
  return File(own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                  "open '" + path.string() + "'"));
}

void File::close() {
  check(H5Fflush(file_.id(), H5F_SCOPE_LOCAL), "finish writing");
  file_.close();
}

bool File::has(std::string const& name) const {
  for (auto end = name.find('/', 1);; end = name.find('/', end + 1)) {
    auto const part = name.substr(0, end);
    if (check(H5Lexists(file_.id(), part.c_str(), H5P_DEFAULT), "look up " + name) == 0)
      return false;
    if (end == std::string::npos) return true;
  }
}

std::vector<std::string> File::names(std::string const& group) const {
  return member_names(open_object(file_, group).id());
}

std::vector<std::string> File::float_datasets(std::string const& group) const {
  auto const parent = open_object(file_, group);
  auto result = member_names(parent.id());
  std::erase_if(result, [&](std::string const& name) {
    auto const object = open_object(parent, name);
    if (H5Iget_type(object.id()) != H5I_DATASET) return true;
    auto const type = own(H5Dget_type(object.id()), H5Tclose, "read a type");
    return H5Tget_class(type.id()) != H5T_FLOAT;
  });
  return result;
}

std::vector<std::int64_t> File::shape(std::string const& dataset) const {
  return shape_of(space_of(open_dataset(file_, dataset)));
}

std::int64_t File::rows(std::string const& table) const {
  auto const dataset = open_dataset(file_, table);
  auto const shape = shape_of(space_of(dataset));
  require(shape.size() == 1, "dataset " + table + " is not a table");
  bytes_of(dataset, table, 1, kMostVirtual);
  return shape[0];
}

void File::make_group(std::string const& name) {
  own(H5Gcreate2(file_.id(), name.c_str(), link_properties().id(), H5P_DEFAULT, H5P_DEFAULT),
      H5Gclose, "make group " + name)
      .close();
}

void File::set(std::string const& object, std::string const& key, std::string const& value) {
  auto const* pointer = value.c_str();
  write_attribute(file_, object, key, variable_text_type(), scalar_space(), &pointer);
}

void File::set(std::string const& object, std::string const& key, std::int64_t value) {
  write_attribute(file_, object, key, native(H5T_NATIVE_INT64), scalar_space(), &value);
}

void File::set(std::string const& object, std::string const& key, std::span<double const> values) {
  write_attribute(file_, object, key, native(H5T_NATIVE_DOUBLE),
                  make_space({static_cast<std::int64_t>(values.size())}), values.data());
}

bool File::has_attribute(std::string const& object, std::string const& key) const {
  return check(H5Aexists_by_name(file_.id(), object.c_str(), key.c_str(), H5P_DEFAULT),
               "look up attribute " + key) > 0;
}

std::string File::text(std::string const& object, std::string const& key) const {
  auto const attribute = open_value(file_, object, key);
  char* value = nullptr;
  check(H5Aread(attribute.id(), variable_text_type().id(), &value), "read attribute " + key);
  std::string result = value != nullptr ? value : "";
  H5free_memory(value);
  return result;
}

std::int64_t File::integer(std::string const& object, std::string const& key) const {
  auto const attribute = open_value(file_, object, key);
  std::int64_t value = 0;
  check(H5Aread(attribute.id(), H5T_NATIVE_INT64, &value), "read attribute " + key);
  return value;
}

std::vector<double> File::numbers(std::string const& object, std::string const& key) const {
  auto const attribute = open_attribute(file_, object, key);
  auto const space = own(H5Aget_space(attribute.id()), H5Sclose, "read attribute " + key);
  auto const count = check(H5Sget_simple_extent_npoints(space.id()), "read attribute " + key);
  std::vector<double> values(static_cast<std::size_t>(count));
  if (!values.empty())
    check(H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, values.data()), "read attribute " + key);
  return values;
}

void File::write_integers(std::string const& name, std::span<std::int64_t const> values,
                          std::vector<std::int64_t> const& shape) {
  require(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies{}) ==
              static_cast<std::int64_t>(values.size()),
          "dataset " + name + " has another shape than its values");
  auto dataset =
      make_dataset(file_, name, H5T_NATIVE_INT64, make_space(shape), dataset_properties());
  if (!values.empty())
    check(H5Dwrite(dataset.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
          "write dataset " + name);
  dataset.close();
}

std::vector<std::int64_t> File::read_integers(std::string const& name) const {
  auto const dataset = open_dataset(file_, name);
  if (bytes_of(dataset, name, kBestRatio, kMostVirtual) == 0) return {};
  auto const points = check(H5Sget_simple_extent_npoints(space_of(dataset).id()), "read " + name);
  std::vector<std::int64_t> values(static_cast<std::size_t>(points));
  check(H5Dread(dataset.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        "read dataset " + name);
  return values;
}

void File::make_rows(std::string const& name, std::int64_t rows, std::int64_t width) {
  auto const shape = rows < 0 ? std::vector{width} : std::vector{rows, width};
  auto const properties = dataset_properties();
  check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER), "make dataset " + name);
  make_dataset(file_, name, H5T_NATIVE_FLOAT, make_space(shape), properties).close();
}

void File::write_row(std::string const& name, std::int64_t row, std::span<float const> values) {
  auto dataset = open_dataset(file_, name);
  transfer_row(dataset, name, row, values.size(), [&](hid_t memory, hid_t file) {
    check(H5Dwrite(dataset.id(), H5T_NATIVE_FLOAT, memory, file, H5P_DEFAULT, values.data()),
          "write dataset " + name);
  });
  dataset.close();
}

void File::read_row(std::string const& name, std::int64_t row, std::span<float> values) const {
  auto const dataset = open_dataset(file_, name);
  transfer_row(dataset, name, row, values.size(), [&](hid_t memory, hid_t file) {
    check(H5Dread(dataset.id(), H5T_NATIVE_FLOAT, memory, file, H5P_DEFAULT, values.data()),
          "read dataset " + name);
  });
}

void File::write_table(std::string const& name, TableLayout const& layout,
                       std::span<std::byte const> bytes) {
  auto const rows = static_cast<std::int64_t>(bytes.size() / layout.record_size);
  auto dataset = make_dataset(file_, name, table_type(layout, true).id(), make_space({rows}),
                              dataset_properties());
  if (rows > 0)
    check(H5Dwrite(dataset.id(), table_type(layout, false).id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                   bytes.data()),
          "write table " + name);
  dataset.close();
}

void File::read_table(std::string const& name, TableLayout const& layout, std::int64_t first,
                      std::span<std::byte> bytes) const {
  auto const rows = static_cast<std::int64_t>(bytes.size() / layout.record_size);
  if (rows == 0) return;
  auto const dataset = open_dataset(file_, name);
  auto const space = space_of(dataset);
  auto const shape = shape_of(space);
  require(shape.size() == 1 && first >= 0 && first <= shape[0] - rows,
          "table " + name + " has no rows " + std::to_string(first) + " to " +
              std::to_string(first + rows - 1));
  select_rows(space, shape, {first, rows});
  check(H5Dread(dataset.id(), table_type(layout, false).id(), make_space({rows}).id(), space.id(),
                H5P_DEFAULT, bytes.data()),
        "read table " + name);
}

void File::link(std::string const& name, std::string const& file, std::string const& object) {
  check(H5Lcreate_external(file.c_str(), object.c_str(), file_.id(), name.c_str(),
                           link_properties().id(), H5P_DEFAULT),
        "link " + name);
}

void File::make_virtual_table(std::string const& name, TableLayout const& layout, std::int64_t rows,
                              std::vector<VirtualPart> const& parts) {
  auto const fill = absent_record(layout);
  make_virtual(file_, name, table_type(layout, true).id(), {rows}, fill.data(),
               table_type(layout, false).id(), parts);
}

void File::make_virtual_rows(std::string const& name, std::int64_t rows, std::int64_t width,
                             std::vector<VirtualPart> const& parts) {
  auto const fill = std::numeric_limits<float>::quiet_NaN();
  make_virtual(file_, name, H5T_NATIVE_FLOAT, {rows, width}, &fill, H5T_NATIVE_FLOAT, parts);
}

void File::copy_to(File& target, std::vector<std::string> const& leave_out) const {
  auto const from = open_object(file_, "/");
  copy_attributes(from, open_object(target.file_, "/"));
  copy_members(from, target.file_, "", leave_out);
}

std::string library_version() {
  start_library();
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "tell its version");
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace fedstrata::hdf5
