// Reading of a run whose files are well-formed HDF5 with matching checksums and hostile content.
// Input: who reads it; then per change a file, one of its objects, what happens to it and how.
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "common/base/files.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"
#include "common/store/upkeep/maintenance.hpp"
#include "tests/fuzz/sample.hpp"

namespace {

using namespace fedstrata;
namespace fs = std::filesystem;

/// An HDF5 identifier that is closed; a failed call, of which hostile changes have many, is one
/// that changes nothing.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Id(Id const&) = delete;
  Id& operator=(Id const&) = delete;
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// What a file holds: paths of objects, and of attributes as "PATH@NAME".
std::vector<std::string> list_objects(fs::path const& path) {
  Id const file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  std::vector<std::string> found;
  H5Ovisit2(
      file, H5_INDEX_NAME, H5_ITER_INC,
      [](hid_t root, char const* name, H5O_info_t const*, void* data) {
        auto& all = *static_cast<std::vector<std::string>*>(data);
        if (std::strcmp(name, ".") != 0) all.push_back(name);
        Id const object(H5Oopen(root, name, H5P_DEFAULT), H5Oclose);
        auto const prefix = std::string(name) + "@";
        std::pair<std::vector<std::string>*, std::string const*> context{&all, &prefix};
        H5Aiterate2(
            object, H5_INDEX_NAME, H5_ITER_INC, nullptr,
            [](hid_t, char const* attribute, H5A_info_t const*, void* where) {
              auto const& [names, start] = *static_cast<decltype(context)*>(where);
              names->push_back(*start + attribute);
              return 0;
            },
            &context);
        return 0;
      },
      &found, H5O_INFO_BASIC);
  return found;
}

std::int64_t number(fuzz::Input& input) {
  constexpr std::array<std::int64_t, 12> kHostile{0,
                                                  1,
                                                  2,
                                                  3,
                                                  5,
                                                  7,
                                                  -1,
                                                  std::int64_t{1} << 20,
                                                  std::int64_t{1} << 31,
                                                  std::int64_t{1} << 40,
                                                  std::numeric_limits<std::int64_t>::max(),
                                                  std::numeric_limits<std::int64_t>::min()};
  auto const choice = input.byte() % (kHostile.size() + 1);
  return choice < kHostile.size() ? kHostile[choice] : input.byte();
}

/// Copies of predefined types, texts, a compound, or `like` with one column less or another.
hid_t make_type(fuzz::Input& input, hid_t like) {
  auto const text = [&](std::size_t size) {
    auto const type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    return type;
  };
  switch (input.byte() % 10) {
    case 0:
      return H5Tcopy(H5T_NATIVE_INT64);
    case 1:
      return H5Tcopy(H5T_STD_U8LE);
    case 2:
      return H5Tcopy(H5T_NATIVE_FLOAT);
    case 3:
      return H5Tcopy(H5T_IEEE_F64BE);
    case 4:
      return text(std::size_t{1} + input.byte());
    case 5:
      return text(H5T_VARIABLE);
    case 6:
      return H5Tvlen_create(H5T_NATIVE_INT64);
    case 7: {
      hsize_t const size = 3;
      return H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &size);
    }
    case 8:
      return H5Tcopy(like >= 0 ? like : H5T_NATIVE_INT64);
    default: {
      auto const columns =
          like >= 0 && H5Tget_class(like) == H5T_COMPOUND ? H5Tget_nmembers(like) : 0;
      auto const changed = columns > 0 ? input.byte() % columns : 0;
      auto const how = input.byte() % 4;
      auto const type = H5Tcreate(H5T_COMPOUND, 8192);
      std::size_t offset = 0;
      for (int i = 0; i < columns; ++i) {
        if (i == changed && how == 0) continue;
        auto const index = static_cast<unsigned>(i);
        char* const name = H5Tget_member_name(like, index);
        Id const own(H5Tget_member_type(like, index), H5Tclose);
        Id const vlen(text(H5T_VARIABLE), H5Tclose);
        auto const used = i != changed ? own
                          : how == 1   ? hid_t{H5T_NATIVE_INT16}
                          : how == 2   ? hid_t{vlen}
                                       : hid_t{H5T_NATIVE_FLOAT};
        H5Tinsert(type, name, offset, used);
        H5free_memory(name);
        offset += H5Tget_size(used);
      }
      if (columns == 0) H5Tinsert(type, "round", 0, H5T_NATIVE_INT64), offset = 8;
      H5Tset_size(type, std::max<std::size_t>(offset, 1));
      return type;
    }
  }
}

hid_t make_space(fuzz::Input& input) {
  auto const rank = input.byte() % 6;
  if (rank == 4) return H5Screate(H5S_NULL);
  if (rank == 5) return H5Screate(H5S_SCALAR);
  std::array<hsize_t, 3> sizes{};
  for (int i = 0; i < rank; ++i)
    sizes[static_cast<std::size_t>(i)] = static_cast<hsize_t>(number(input));
  return rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, sizes.data(), nullptr);
}

/// Writes the values of a small dataset or attribute: bytes of the input, zeros after them.
template <class Write>
void write_values(hid_t type, hid_t space, fuzz::Input& input, Write write) {
  auto const points = H5Sget_simple_extent_npoints(space);
  auto const size = H5Tget_size(type);
  bool const pointers = H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0 ||
                        H5Tget_class(type) == H5T_COMPOUND;
  std::array<hsize_t, 3> sizes{};
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  if (std::ranges::max(sizes) > 4096) return;  // the product may have overflowed
  if (points <= 0 || points > 4096 || size * static_cast<std::size_t>(points) > 65536) return;
  std::vector<std::byte> values(size * static_cast<std::size_t>(points));
  if (!pointers) {
    auto const bytes = std::as_bytes(input.bytes(input.byte()));
    std::copy_n(bytes.begin(), std::min(bytes.size(), values.size()), values.begin());
  }
  write(values.data());
}

void make_dataset(hid_t file, std::string const& name, fuzz::Input& input, hid_t like) {
  Id const type(make_type(input, like), H5Tclose);
  Id const space(make_space(input), H5Sclose);
  Id const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  auto const layout = input.byte() % 6;
  std::array<hsize_t, 3> const chunk{2, 2, 2};
  auto const rank = H5Sget_simple_extent_ndims(space);
  if (layout == 1) H5Pset_layout(properties, H5D_COMPACT);
  if ((layout == 2 || layout == 3) && rank > 0) H5Pset_chunk(properties, rank, chunk.data());
  if (layout == 3 && rank > 0) H5Pset_deflate(properties, 9);
  if (layout == 4) H5Pset_external(properties, "/dev/zero", 0, H5F_UNLIMITED);
  // Space for a huge shape is never taken.
  H5Pset_alloc_time(properties, layout == 1                  ? H5D_ALLOC_TIME_EARLY
                                : layout == 2 || layout == 3 ? H5D_ALLOC_TIME_INCR
                                                             : H5D_ALLOC_TIME_LATE);
  Id const dataset(
      H5Dcreate2(file, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);
  if (dataset < 0 || layout == 4 || layout == 5) return;
  write_values(type, space, input, [&](void const* values) {
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  });
}

/// Puts a number over the values of a dataset, wherever it falls.
void overwrite(hid_t file, std::string const& name, fuzz::Input& input) {
  Id const dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (dataset < 0) return;
  Id const type(H5Dget_type(dataset), H5Tclose);
  Id const space(H5Dget_space(dataset), H5Sclose);
  auto const points = H5Sget_simple_extent_npoints(space);
  auto const size = H5Tget_size(type) * static_cast<std::size_t>(std::max<hssize_t>(points, 0));
  if (size < 8 || size > 65536 || H5Dget_storage_size(dataset) < size) return;
  std::vector<std::byte> values(size);
  if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) return;
  auto const at = (std::size_t{256} * input.byte() + input.byte()) % (size / 8) * 8;
  if (auto const text = input.byte(); text % 4 == 0) {
    auto const bytes = std::as_bytes(input.bytes(8));
    std::copy_n(bytes.begin(), bytes.size(), values.begin() + static_cast<std::ptrdiff_t>(at));
  } else {
    auto const value = number(input);
    std::memcpy(&values[at], &value, 8);
  }
  bool const pointers =
      H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tdetect_class(type, H5T_STRING) > 0;
  if (!pointers || H5Tget_class(type) == H5T_COMPOUND)
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

void change_attribute(hid_t file, std::string const& object, std::string const& name,
                      fuzz::Input& input) {
  Id const owner(H5Oopen(file, object.c_str(), H5P_DEFAULT), H5Oclose);
  H5Adelete(owner, name.c_str());
  if (input.byte() % 4 == 0) return;
  Id const type(make_type(input, -1), H5Tclose);
  Id const space(make_space(input), H5Sclose);
  if (H5Sget_simple_extent_npoints(space) > 4096) return;
  Id const attribute(H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT),
                     H5Aclose);
  if (attribute < 0) return;
  write_values(type, space, input, [&](void const* values) { H5Awrite(attribute, type, values); });
}

void change_object(hid_t file, std::string const& name, std::vector<std::string> const& all,
                   fuzz::Input& input) {
  Id const old(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  Id const like(old >= 0 ? H5Dget_type(old) : -1, H5Tclose);
  auto const kind = input.byte() % 12;
  if (kind >= 8) return overwrite(file, name, input);
  H5Ldelete(file, name.c_str(), H5P_DEFAULT);
  auto other = all[input.byte() % all.size()];
  other = other.substr(0, other.find('@'));
  auto const where = name.c_str();
  switch (kind) {
    case 0:
      return;
    case 1:
      Id(H5Gcreate2(file, where, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
      return;
    case 2:
      H5Lcreate_soft(other.c_str(), file, where, H5P_DEFAULT, H5P_DEFAULT);
      return;
    case 3:
      H5Lcreate_hard(file, other.c_str(), file, where, H5P_DEFAULT, H5P_DEFAULT);
      return;
    case 4: {
      // Not the index, nor the head of a checkpoint: HDF5 leaks where a virtual dataset leads back
      // to itself.
      std::vector<std::string> files;
      for (auto const& one : fuzz::sample().names())
        if (one != RunNames::kIndex && !one.ends_with("-all.h5")) files.push_back(one);
      auto const path = fuzz::sample().path() / files[input.byte() % files.size()];
      H5Lcreate_external(path.c_str(), other.c_str(), file, where, H5P_DEFAULT, H5P_DEFAULT);
      return;
    }
    default:
      make_dataset(file, name, input, like);
  }
}

/// The HDF5 files of the run and the objects of each.
std::vector<std::pair<std::string, std::vector<std::string>>> const& files() {
  static auto const all = [] {
    std::vector<std::pair<std::string, std::vector<std::string>>> found;
    for (auto const& name : fuzz::sample().names())
      if (name.ends_with(".h5"))
        found.push_back({name, list_objects(fuzz::sample().path() / name)});
    return found;
  }();
  return all;
}

/// Applies one change to a file of the run; its name.
std::string change(fuzz::Input& input) {
  auto const& [name, objects] = files()[input.byte() % files().size()];
  auto const path = fuzz::sample().path() / name;
  Id const file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  auto const& object = objects[input.byte() % objects.size()];
  auto const at = object.find('@');
  if (at != std::string::npos)
    change_attribute(file, object.substr(0, at), object.substr(at + 1), input);
  else
    change_object(file, object, objects, input);
  return name;
}

/// Makes the index tell of the changed files as they are: checksums and sizes, in place.
void put_index_right(std::set<std::string> const& changed) {
  auto& run = fuzz::sample();
  auto index = read_text(run.path() / RunNames::kIndex);
  for (auto const& name : changed) {
    auto const sum = checksum_file(run.path() / name);
    auto const before = checksum_of(std::as_bytes(std::span(run.content(name)))).checksum;
    auto const at = index.find(before);
    if (at == std::string::npos || at < sizeof sum.bytes) continue;
    index.replace(at, before.size(), sum.checksum);
    std::memcpy(&index[at - sizeof sum.bytes], &sum.bytes, sizeof sum.bytes);
  }
  auto const sum = checksum_of(std::as_bytes(std::span(index)));
  auto const line = sum.checksum + "  " + std::to_string(sum.bytes) + "\n";
  run.put(RunNames::kIndex, &index);
  run.put(RunNames::kIndexSum, &line);
}

/// Ends well or by an Error; true when it ended well.
template <class Work>
bool ends(Work work) {
  try {
    work();
    return true;
  } catch (Error const& error) {
    fuzz::promise(error.what()[0] != '\0', "an error says what is wrong");
    return false;
  }
}

void read_everything(Run const& run) {
  ends([&] { run.metrics<RoundRecord>(); });
  ends([&] { run.metrics<ClientRecord>(); });
  std::vector<std::string> names;
  ends([&] { names = run.analysis_names(); });
  for (auto const& name : names) {
    ends([&] { run.analysis<BarrierRecord>(name); });
    ends([&] { run.analysed_rounds(name); });
    ends([&] { run.analysis_config(name); });
  }
  std::vector<CheckpointInfo> checkpoints;
  ends([&] { checkpoints = run.checkpoints(); });
  auto const& table = run.header().table;
  if (table.parameter_count > 100'000 || table.buffer_count > 100'000) return;
  std::vector<float> row(static_cast<std::size_t>(table.parameter_count));
  std::vector<float> buffers(static_cast<std::size_t>(table.buffer_count));
  for (auto const& info : checkpoints)
    for (auto const kind : {RowKind::global, RowKind::before, RowKind::after})
      ends([&] { run.read(info.round, kind, 3, row, buffers); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto& run = fuzz::sample();
  hdf5::library_version();  // which starts it
  files();
  fuzz::Input input(data, size);
  auto const reader = input.byte() % 100;  // most only read: children cost time
  std::set<std::string> changed;
  for (int i = 0; i < 4 && !input.empty(); ++i) changed.insert(change(input));
  for (auto const& name : changed) run.touch(name);
  put_index_right(changed);
  if (reader == 0) run.put(RunNames::kIndexSum, nullptr);  // as if the index were lost
  if (reader >= 3)
    fuzz::accepted([&] { read_everything(Run::open(run.path())); });
  else if (reader == 2)
    ends([&] { pack_run(run.path(), fuzz::directory() / "packed.h5"); });
  else if (reader == 1)
    ends([&] { RunWriter::attach(run.path()).publish_index(); });
  else
    fuzz::accepted([&] { rebuild_index(run.path()); });
  fs::remove(fuzz::directory() / "packed.h5");
  run.restore();
  return 0;
}
