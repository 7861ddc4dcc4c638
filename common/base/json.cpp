#include "common/base/json.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>

#include "common/base/text.hpp"

namespace fedstrata::json {
namespace {

constexpr char const* kReplacement = "\xEF\xBF\xBD";

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

/// Bytes of the UTF-8 character at `at`; 0 when there is none: cut off, longer than it has to be, a
/// surrogate, beyond U+10FFFF.
std::size_t character_size(std::string_view text, std::size_t at) {
  auto const first = byte_at(text, at), second = byte_at(text, at + 1);
  if (first < 0x80) return 1;
  std::size_t const size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte_at(text, at + i) & 0xC0U) != 0x80) return 0;
  bool const odd = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                   (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return odd ? 0 : size;
}

std::string escaped(char c) {
  if (c == '"' || c == '\\') return {'\\', c};
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  auto const code = static_cast<unsigned>(static_cast<unsigned char>(c));
  if (code >= 0x20 && code != 0x7F) return {c};
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", code);
  return buffer;
}

std::string joined(std::vector<std::string> const& parts, char begin, char end) {
  return begin + join(parts, ", ") + end;
}

}  // namespace

std::string text(std::string_view value) {
  std::string result = "\"";
  for (std::size_t at = 0; at < value.size();) {
    auto const size = character_size(value, at);
    if (size == 0) {
      result += kReplacement;
    } else if (size == 1) {
      result += escaped(value[at]);
    } else {
      result += value.substr(at, size);
    }
    at += size == 0 ? 1 : size;
  }
  return result + '"';
}

std::string number(double value) { return std::isfinite(value) ? shortest(value) : "null"; }

std::string array(std::vector<std::string> const& values) { return joined(values, '[', ']'); }

std::string object(std::vector<std::pair<std::string, std::string>> const& members) {
  std::vector<std::string> parts;
  for (auto const& [name, value] : members) parts.push_back(text(name) + ": " + value);
  return joined(parts, '{', '}');
}

}  // namespace fedstrata::json
