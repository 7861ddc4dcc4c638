#include "common/config/ini.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// A code point and the bytes it takes; no bytes where they are not UTF-8.
struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;
};

/// The character that `text`, which is not empty, begins with.
Character first_character(std::string_view text) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const lead = byte(0);
  std::size_t const size = lead < 0x80             ? 1
                           : (lead & 0xE0) == 0xC0 ? 2
                           : (lead & 0xF0) == 0xE0 ? 3
                           : (lead & 0xF8) == 0xF0 ? 4
                                                   : 0;
  if (size == 0 || size > text.size()) return {};
  std::uint32_t code = size == 1 ? lead : lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  return {code, size};
}

/// What a character that cannot be seen is called; "" for those that can.
std::string invisible(std::uint32_t code) {
  struct Range {
    std::uint32_t first, last;
    char const* name;
  };
  static constexpr std::array<Range, 16> kRanges = {{{0x00, 0x08, "control character"},
                                                     {0x0A, 0x1F, "control character"},
                                                     {0x7F, 0x9F, "control character"},
                                                     {0xA0, 0xA0, "no-break space"},
                                                     {0xAD, 0xAD, "soft hyphen"},
                                                     {0x1680, 0x1680, "ogham space"},
                                                     {0x2000, 0x200A, "space of another width"},
                                                     {0x200B, 0x200D, "zero-width character"},
                                                     {0x200E, 0x200F, "mark of direction"},
                                                     {0x2028, 0x2029, "separator of lines"},
                                                     {0x202A, 0x202E, "mark of direction"},
                                                     {0x202F, 0x202F, "narrow no-break space"},
                                                     {0x205F, 0x205F, "space of another width"},
                                                     {0x2060, 0x206F, "zero-width character"},
                                                     {0x3000, 0x3000, "ideographic space"},
                                                     {0xFEFF, 0xFEFF, "byte order mark"}}};
  for (auto const& range : kRanges) {
    if (code >= range.first && code <= range.last) return range.name;
  }
  return "";
}

std::string hexadecimal(char const* format, std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// What stands before the comment of a line, trimmed.
std::string content_of(std::string_view line, std::string const& source) {
  auto const sign = line.find('#');
  auto content = trim(line.substr(0, sign));
  check_visible(content, source);
  bool const separate = sign == 0 || sign == std::string_view::npos || line[sign - 1] == ' ' ||
                        line[sign - 1] == '\t';
  require_input(separate, source + ": write a blank before the comment that '#' begins after '" +
                              content + "'; a value, a path too, cannot contain '#'");
  // A comment is rarely written so, and a path that was cut names another place.
  bool const odd = sign != std::string_view::npos && sign + 1 < line.size() &&
                   std::string_view(" \t#").find(line[sign + 1]) == std::string_view::npos;
  require_input(!odd || content.find('/') == std::string::npos,
                source + ": write a blank behind the '#' if a comment begins after '" + content +
                    "'; a path cannot contain '#'");
  return content;
}

void check_encoding(std::string_view text, std::string const& source) {
  require_input(!text.starts_with("\xFF\xFE") && !text.starts_with("\xFE\xFF"),
                source + ": the file is in UTF-16; save it as UTF-8");
}

}  // namespace

void check_visible(std::string_view text, std::string const& source) {
  for (std::size_t at = 0; at < text.size();) {
    auto const character = first_character(text.substr(at));
    require_input(character.size > 0,
                  source + ": byte " + hexadecimal("0x%02X", static_cast<unsigned char>(text[at])) +
                      " is not UTF-8; write plain text and save it as UTF-8");
    auto const name = invisible(character.code);
    require_input(name.empty(),
                  source + ": a character that one cannot see (" + name + ", " +
                      hexadecimal("U+%04X", character.code) +
                      (at == 0 ? ") stands at the beginning"
                               : ") follows '" + std::string(text.substr(0, at)) + "'") +
                      "; take it out or write a plain blank");
    at += character.size;
  }
}

IniText read_ini(std::string_view text, std::string const& source) {
  check_encoding(text, source);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  IniText result;
  std::map<std::string, int> lines;  // by key
  std::string prefix;                // "section."
  for (int number = 1; !text.empty(); ++number) {
    auto const end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto const where = source + ":" + std::to_string(number);
    auto const content = content_of(line, where);
    if (content.empty()) continue;
    if (content.starts_with('[') && content.ends_with(']')) {
      auto const name = trim(std::string_view(content).substr(1, content.size() - 2));
      require_input(!name.empty(), where + ": [] names no section");
      result.sections.push_back({name, where});
      prefix = name + '.';
      continue;
    }
    auto const equals = content.find('=');
    require_input(
        equals != std::string::npos && equals > 0 && !content.starts_with('['),
        where + ": '" + content + "' is neither [section] nor key = value (comments start with #)");
    auto const key = prefix + trim(std::string_view(content).substr(0, equals));
    auto const [first, fresh] = lines.emplace(key, number);
    require_input(fresh, where + ": " + key + " is given twice (also in line " +
                             std::to_string(first->second) + "); keep one");
    result.assignments.push_back({key, trim(std::string_view(content).substr(equals + 1)), where});
  }
  return result;
}

std::string source_of(std::vector<Assignment> const& given, std::string const& sentence,
                      std::string const& otherwise) {
  auto first = std::string::npos;
  auto source = otherwise;
  for (auto const& item : given) {
    auto const at = sentence.find(item.key);
    if (at != std::string::npos && at <= first) {
      first = at;
      source = item.source;
    }
  }
  return source;
}

}  // namespace fedstrata
