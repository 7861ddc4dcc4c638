#include "common/base/text.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <utility>

namespace fedstrata {
namespace {

/// Letters replaced, left out, added, or changed with their neighbours.
std::size_t edit_distance(std::string const& a, std::string const& b) {
  std::vector<std::size_t> before, last, row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t const replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row.back();
}

std::string digits_of(std::string text) {
  std::erase_if(text, [](char c) { return c < '0' || c > '9'; });
  return text;
}

}  // namespace

std::string trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  auto const first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  if (trim(text).empty()) return parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t const end = std::min(text.find(separator, begin), text.size());
    parts.push_back(trim(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::string join(std::vector<std::string> const& parts, std::string const& separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : separator) + parts[i];
  return text;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string shortest(double value) {
  std::array<char, 32> buffer{};
  auto const result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string beginning_of(std::string const& path) {
  std::error_code error;
  auto const here = std::filesystem::current_path(error);
  bool const relative = !error && std::filesystem::path(path).is_relative();
  return relative ? " (relative to " + here.string() + ")" : "";
}

std::string nearest(std::string const& word, std::vector<std::string> const& candidates) {
  std::string best;
  constexpr std::size_t kLong = 8;
  bool const is_long = word.size() >= kLong;
  std::size_t best_distance = is_long ? 3 : 2;
  for (auto const& candidate : candidates) {
    bool const other_begin = !is_long && word.substr(0, 1) != candidate.substr(0, 1);
    if (other_begin || digits_of(word) != digits_of(candidate)) continue;
    std::size_t const distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string const& word, std::vector<std::string> const& candidates) {
  std::string const near = nearest(word, candidates);
  return near.empty() ? "" : "; did you mean " + near + "?";
}

}  // namespace fedstrata
