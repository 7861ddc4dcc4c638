#include <hdf5.h>

#include <functional>
#include <numeric>

#include "common/base/error.hpp"
#include "common/hdf5/file.hpp"
#include "common/hdf5/objects.hpp"

// Arrays of any shape, as files have them that others wrote.

namespace fedstrata::hdf5 {
namespace {

void read_rows(Handle const& file, std::string const& name, hid_t type, std::int64_t count,
               void* values) {
  auto const dataset = open_dataset(file, name);
  auto const space = space_of(dataset);
  auto const shape = shape_of(space);
  require(!shape.empty(), "dataset " + name + " is no array");
  bytes_of(dataset, name, kBestRatio, kMostVirtual);
  auto const row =
      std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies{});
  if (count == 0) return;
  require(row > 0 && count % row == 0 && count / row <= shape[0],
          "dataset " + name + " has no " + std::to_string(count) + " values in its first rows");
  select_rows(space, shape, {0, count / row});
  check(H5Dread(dataset.id(), type, make_space({count}).id(), space.id(), H5P_DEFAULT, values),
        "read dataset " + name);
}

}  // namespace

Values File::values(std::string const& dataset) const {
  auto const opened = open_dataset(file_, dataset);
  bytes_of(opened, dataset, kBestRatio, kMostVirtual);
  auto const type = own(H5Dget_type(opened.id()), H5Tclose, "read a type");
  switch (H5Tget_class(type.id())) {
    case H5T_FLOAT:
      return Values::floats;
    case H5T_INTEGER:
      return H5Tget_size(type.id()) == 1 && H5Tget_sign(type.id()) == H5T_SGN_NONE
                 ? Values::bytes
                 : Values::integers;
    default:
      return Values::other;
  }
}

void File::read_first(std::string const& dataset, std::span<std::uint8_t> values) const {
  read_rows(file_, dataset, H5T_NATIVE_UINT8, std::ssize(values), values.data());
}

void File::read_first(std::string const& dataset, std::span<std::int64_t> values) const {
  read_rows(file_, dataset, H5T_NATIVE_INT64, std::ssize(values), values.data());
}

void File::read_first(std::string const& dataset, std::span<float> values) const {
  read_rows(file_, dataset, H5T_NATIVE_FLOAT, std::ssize(values), values.data());
}

}  // namespace fedstrata::hdf5
