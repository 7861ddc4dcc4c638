#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace fedstrata {

// The form of config and sweep files. Read here rather than by a library, for messages that name
// the line and what one cannot see in an editor.

/// "key = value" and where it was written.
struct Assignment {
  std::string key;  ///< "train.lr", "average.NAME.every"
  std::string value;
  std::string source;  ///< "FILE:LINE", "--set train.lr=0.1"
};

struct IniSection {
  std::string name;
  std::string source;  ///< "FILE:LINE"
};

struct IniText {
  std::vector<IniSection> sections;     ///< in their order, empty ones included
  std::vector<Assignment> assignments;  ///< in their order, keys as "section.key"
};

/// Reads INI text in UTF-8: [section], key = value, comments from a # that begins a line or follows
/// a blank; a byte order mark is skipped. `source` names the text in messages. Throws InputError
/// with the line: one that is none of these, a key given twice, a # in the middle of a value, and
/// what check_visible refuses.
IniText read_ini(std::string_view text, std::string const& source);

/// Where that setting was written which a sentence names first; of two with one key the later. Of a
/// sentence that names none of `given`: `otherwise`.
std::string source_of(std::vector<Assignment> const& given, std::string const& sentence,
                      std::string const& otherwise);

/// Throws InputError, beginning with `source`, unless `text` is UTF-8 whose every character can be
/// seen: no control character, no blank of another width, nothing of width zero.
void check_visible(std::string_view text, std::string const& source);

}  // namespace fedstrata
