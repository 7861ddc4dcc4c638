#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/hdf5/field.hpp"

namespace fedstrata::hdf5 {

/// Owns one HDF5 object; closes it once. A moved-from or default one holds nothing.
class Handle {
 public:
  using Close = int (*)(std::int64_t);
  Handle() = default;
  Handle(std::int64_t id, Close closer) : id_(id), close_(closer) {}
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  ~Handle();  ///< errors of closing are lost here: call close() where they matter
  std::int64_t id() const { return id_; }
  /// Throws Error when HDF5 cannot (data that could not be flushed).
  void close();

 private:
  std::int64_t id_ = -1;
  Close close_ = nullptr;
};

/// What a dataset's values are; bytes: integers from 0 to 255.
enum class Values { bytes, integers, floats, other };

/// Rows [first, first + count) of a virtual dataset.
struct RowRun {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// A part of a virtual dataset: rows source_first, source_first + 1, ... of a dataset of
/// source_rows rows in another file fill the target rows, run by run.
struct VirtualPart {
  std::string file;  ///< relative to the directory of the file that holds the virtual dataset
  std::string dataset;
  std::int64_t source_rows = 0;
  std::int64_t source_first = 0;
  std::vector<RowRun> target;  ///< ascending, disjoint
};

/// An HDF5 file: tables (one-dimensional compound datasets), rows of float32, integers, attributes
/// and links. Names are paths ("/metrics/rounds"); missing groups on the way are made. Every call
/// throws Error when HDF5 reports a failure, with the system's reason where there is one. Files are
/// opened without HDF5's own locking unless HDF5_USE_FILE_LOCKING says otherwise.
class File {
 public:
  /// Makes a new file; throws when it exists.
  static File create(std::filesystem::path const& path);
  /// Opens for reading only.
  static File open(std::filesystem::path const& path);
  /// Flushes and closes; a file that was written is only safe after this returned.
  void close();

  bool has(std::string const& name) const;
  /// Names of the members of a group, ascending.
  std::vector<std::string> names(std::string const& group) const;
  /// Those that are datasets of floats.
  std::vector<std::string> float_datasets(std::string const& group) const;
  std::vector<std::int64_t> shape(std::string const& dataset) const;
  /// Rows of a table. Throws when it has other dimensions, or a shape for which it holds too
  /// little.
  std::int64_t rows(std::string const& table) const;
  void make_group(std::string const& name);

  // Attributes of an object; text is UTF-8 of variable length.
  void set(std::string const& object, std::string const& key, std::string const& value);
  void set(std::string const& object, std::string const& key, std::int64_t value);
  void set(std::string const& object, std::string const& key, std::span<double const> values);
  bool has_attribute(std::string const& object, std::string const& key) const;
  std::string text(std::string const& object, std::string const& key) const;
  std::int64_t integer(std::string const& object, std::string const& key) const;
  std::vector<double> numbers(std::string const& object, std::string const& key) const;

  void write_integers(std::string const& name, std::span<std::int64_t const> values,
                      std::vector<std::int64_t> const& shape);
  std::vector<std::int64_t> read_integers(std::string const& name) const;

  /// An empty float32 dataset [rows, width], contiguous; [width] when rows is negative.
  void make_rows(std::string const& name, std::int64_t rows, std::int64_t width);
  /// Row `row` of a [rows, width] dataset, or all of a [width] one. Throws when sizes differ.
  void write_row(std::string const& name, std::int64_t row, std::span<float const> values);
  void read_row(std::string const& name, std::int64_t row, std::span<float> values) const;

  /// Throws when the file holds less than the dataset's shape says, so that memory may be taken for
  /// it.
  Values values(std::string const& dataset) const;
  // The first rows of a dataset [rows, ...], as many as `values` has room for, converted to its
  // type. Throws when they are no whole rows, or more than there are or than the file can hold.
  void read_first(std::string const& dataset, std::span<std::uint8_t> values) const;
  void read_first(std::string const& dataset, std::span<std::int64_t> values) const;
  void read_first(std::string const& dataset, std::span<float> values) const;

  /// `bytes`: records of the layout, one after another.
  void write_table(std::string const& name, TableLayout const& layout,
                   std::span<std::byte const> bytes);
  /// Rows first .. first + count - 1 into `bytes`; columns are matched by name.
  void read_table(std::string const& name, TableLayout const& layout, std::int64_t first,
                  std::span<std::byte> bytes) const;
  template <class Record>
  void write_table(std::string const& name, std::span<Record const> records) {
    write_table(name, layout_of<Record>(), std::as_bytes(records));
  }
  template <class Record>
  std::vector<Record> read_table(std::string const& name) const {
    std::vector<Record> records(static_cast<std::size_t>(rows(name)));
    read_table(name, layout_of<Record>(), 0, std::as_writable_bytes(std::span(records)));
    return records;
  }

  /// An external link to `object` of `file` (relative to this file's directory).
  void link(std::string const& name, std::string const& file, std::string const& object);
  /// Virtual datasets. What no source supplies reads as NaN, smallest integer, empty text.
  void make_virtual_table(std::string const& name, TableLayout const& layout, std::int64_t rows,
                          std::vector<VirtualPart> const& parts);
  void make_virtual_rows(std::string const& name, std::int64_t rows, std::int64_t width,
                         std::vector<VirtualPart> const& parts);

  /// Copies a group with all it reaches, links and virtual datasets resolved, leaving out the
  /// members of the top group named in `leave_out`.
  void copy_to(File& target, std::vector<std::string> const& leave_out) const;

 private:
  explicit File(Handle file) : file_(std::move(file)) {}
  Handle file_;
};

/// Version of the HDF5 library, "1.10.8".
std::string library_version();

}  // namespace fedstrata::hdf5
