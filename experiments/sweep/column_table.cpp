#include "experiments/sweep/column_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

using Integers = std::vector<std::int64_t>;
using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

template <class Number>
bool all_are(std::vector<std::string> const& values) {
  Number number{};
  return !values.empty() && std::all_of(values.begin(), values.end(), [&](auto const& text) {
    return read_number(text, number);
  });
}

/// Bytes of a value in a table of HDF5.
std::size_t width_of(ColumnTable::Values const& values) {
  std::size_t width = 8;
  if (auto const* texts = std::get_if<Texts>(&values)) {
    width = 1;
    for (auto const& text : *texts) width = std::max(width, text.size());
  }
  return width;
}

void copy_value(ColumnTable::Values const& values, std::size_t row, std::byte* target) {
  if (auto const* texts = std::get_if<Texts>(&values)) {
    std::memcpy(target, (*texts)[row].data(), (*texts)[row].size());
  } else if (auto const* numbers = std::get_if<Numbers>(&values)) {
    std::memcpy(target, &(*numbers)[row], sizeof(double));
  } else {
    std::memcpy(target, &std::get<Integers>(values)[row], sizeof(std::int64_t));
  }
}

std::string quoted_if_needed(std::string const& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string result = "\"";
  for (char const c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

std::string text_of(ColumnTable::Values const& values, std::size_t row) {
  if (auto const* texts = std::get_if<Texts>(&values)) return quoted_if_needed((*texts)[row]);
  if (auto const* integers = std::get_if<Integers>(&values)) {
    return std::to_string((*integers)[row]);
  }
  double const number = std::get<Numbers>(values)[row];
  return std::isnan(number) ? "" : shortest(number);
}

}  // namespace

std::size_t ColumnTable::add_fitting(std::string name, std::vector<std::string> const& values) {
  if (all_are<std::int64_t>(values)) return add<std::int64_t>(std::move(name));
  if (all_are<double>(values)) return add<double>(std::move(name));
  return add<std::string>(std::move(name));
}

void ColumnTable::put_text(std::size_t column, std::string const& text) {
  auto& values = columns_.at(column).values;
  if (auto* texts = std::get_if<Texts>(&values)) {
    texts->push_back(text);
  } else if (auto* integers = std::get_if<Integers>(&values)) {
    std::int64_t number = std::numeric_limits<std::int64_t>::min();
    read_number(text, number);
    integers->push_back(number);
  } else {
    double number = kAbsent;
    read_number(text, number);
    std::get<Numbers>(values).push_back(number);
  }
}

std::size_t ColumnTable::rows() const {
  std::size_t count = 0;
  for (auto const& column : columns_) {
    auto const size = std::visit([](auto const& values) { return values.size(); }, column.values);
    require(&column == &columns_.front() || size == count,
            "column " + column.name + " has another length than the others");
    count = size;
  }
  return count;
}

void ColumnTable::write(hdf5::File& file, std::string const& name) const {
  std::vector<Field> fields;
  std::size_t size = 0;
  for (auto const& column : columns_) {
    auto const type = std::holds_alternative<Texts>(column.values)     ? FieldType::text
                      : std::holds_alternative<Numbers>(column.values) ? FieldType::float64
                                                                       : FieldType::int64;
    fields.push_back({column.name.c_str(), size, type, width_of(column.values)});
    size += fields.back().size;
  }
  std::size_t const count = rows();
  std::vector<std::byte> bytes(count * size);
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    for (std::size_t row = 0; row < count; ++row) {
      copy_value(columns_[k].values, row, &bytes[row * size + fields[k].offset]);
    }
  }
  file.write_table(name, {fields, size}, bytes);
}

std::string ColumnTable::csv() const {
  std::vector<std::string> line;
  for (auto const& column : columns_) line.push_back(quoted_if_needed(column.name));
  std::string result = join(line, ",") + "\n";
  for (std::size_t row = 0, count = rows(); row < count; ++row) {
    line.clear();
    for (auto const& column : columns_) line.push_back(text_of(column.values, row));
    result += join(line, ",") + "\n";
  }
  return result;
}

}  // namespace fedstrata
