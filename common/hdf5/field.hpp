#pragma once
#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace fedstrata {

// Columns of tables: what the store has to know of a struct to write and read it as a row.

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// ASCII text of fixed length, null-padded; longer text is cut.
template <std::size_t N>
struct FixedText {
  std::array<char, N> text{};
  FixedText() = default;
  FixedText(std::string_view s) { std::copy_n(s.begin(), std::min(N, s.size()), text.begin()); }
  FixedText(std::string const& s) : FixedText(std::string_view(s)) {}
  FixedText(char const* s) : FixedText(std::string_view(s)) {}
  std::string str() const { return {text.begin(), std::find(text.begin(), text.end(), '\0')}; }
  bool operator==(FixedText const&) const = default;
  auto operator<=>(FixedText const&) const = default;
};

enum class FieldType { int64, float64, text };

/// One column: its name, place in the struct and type (`size` in bytes, for text).
struct Field {
  char const* name;
  std::size_t offset;
  FieldType type;
  std::size_t size;
};

/// The column `name` of a struct: an int64, a double or a FixedText.
template <class Record, class Owner, class Member>
Field field(char const* name, Member Owner::*member) {
  static Record const record{};
  auto const offset = static_cast<std::size_t>(reinterpret_cast<char const*>(&(record.*member)) -
                                               reinterpret_cast<char const*>(&record));
  if constexpr (std::same_as<Member, std::int64_t>)
    return {name, offset, FieldType::int64, sizeof(Member)};
  else if constexpr (std::same_as<Member, double>)
    return {name, offset, FieldType::float64, sizeof(Member)};
  else
    return {name, offset, FieldType::text, sizeof(Member)};
}

/// How the rows of a table lie in memory and in the file.
struct TableLayout {
  std::span<Field const> fields;
  std::size_t record_size = 0;
};

template <class Record>
TableLayout layout_of() {
  return {Record::fields(), sizeof(Record)};
}

}  // namespace fedstrata
