#include "common/hdf5/file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "common/base/error.hpp"
#include "common/hdf5/copy.hpp"
#include "common/hdf5/objects.hpp"

// Every handle closes itself, every call is checked, and the library's
// own stack of messages becomes one sentence. HDF5 is kept from what a run directory does not need:
// its locks (a reader must not stop a writer), its exit handler (which can hang over a file that a
// full disk left half written) and its printed errors.

namespace fedstrata::hdf5 {
namespace {

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
      select_rows(target, shape, run, rows > 0);
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

}  // namespace

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
