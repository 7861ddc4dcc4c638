#pragma once
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fedstrata {

/// Without white space at both ends.
std::string trim(std::string_view text);

/// Trimmed parts of `text` between separators; none for blank text.
std::vector<std::string> split(std::string_view text, char separator);

std::string join(std::vector<std::string> const& parts, std::string const& separator);

/// Followed by blanks up to `width` bytes, by one at least.
std::string padded(std::string text, std::size_t width);

/// Shortest decimal text that reads back as exactly `value`.
std::string shortest(double value);

/// Where a path that leads nowhere begins, for messages: " (relative to FOLDER)", "" when absolute.
std::string beginning_of(std::string const& path);

/// The candidate that `word` is a misspelling of, "" when there is none: one letter wrong, missing,
/// too many, or two that changed places; in words of eight letters and more two of these. Short
/// words with another first letter are other words (nadam is not adam), and so are those with other
/// digits (resnet34 is not resnet18).
std::string nearest(std::string const& word, std::vector<std::string> const& candidates);

/// "; did you mean X?" for the nearest candidate, "" when there is none.
std::string suggestion(std::string const& word, std::vector<std::string> const& candidates);

/// Reads all of `text` as a number; false, `value` unchanged, when it is none, does not fit the
/// type or is not finite.
template <class Number>
bool read_number(std::string_view text, Number& value) {
  Number number{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(number)) return false;
  }
  value = number;
  return true;
}

/// read_number of an entry of a list: 1,024 is not 1 and 24.
template <class Number>
bool read_entry(std::string_view text, Number& value) {
  bool const zero_first = text.size() > 1 && text.starts_with('0');
  return !zero_first && read_number(text, value);
}

}  // namespace fedstrata
