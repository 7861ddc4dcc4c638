#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "common/hdf5/file.hpp"

namespace fedstrata {

/// A table whose columns are known at run time only, for HDF5 and CSV. Columns grow value by value;
/// all must have the same length when it is written.
class ColumnTable {
 public:
  using Values =
      std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

  /// An empty column of int64, double or std::string; returns its place.
  template <class Value>
  std::size_t add(std::string name) {
    columns_.push_back({std::move(name), std::vector<Value>{}});
    return columns_.size() - 1;
  }
  /// A column of the type that suits the values: integers, else numbers, else text; returns its
  /// place.
  std::size_t add_fitting(std::string name, std::vector<std::string> const& values);

  /// `value` must be of the column's type.
  template <class Value>
  void put(std::size_t column, Value value) {
    std::get<std::vector<Value>>(columns_.at(column).values).push_back(std::move(value));
  }
  /// The value that `text` means in a column made by add_fitting; absent for what does not fit.
  void put_text(std::size_t column, std::string const& text);

  std::size_t rows() const;
  void write(hdf5::File& file, std::string const& name) const;
  /// Absent numbers are empty; text is quoted where it must be (RFC 4180).
  std::string csv() const;

 private:
  struct Column {
    std::string name;
    Values values;
  };
  std::vector<Column> columns_;
};

}  // namespace fedstrata
