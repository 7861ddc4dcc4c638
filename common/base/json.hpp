#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fedstrata::json {

// JSON (RFC 8259) is put together from texts of its values: what a script needs of it is little,
// and Debian's Boost (1.74) has no JSON yet.

/// In quotes, escaped. Bytes that are no UTF-8 become U+FFFD.
std::string text(std::string_view value);
/// Reads back as exactly `value`; null when it is not finite.
std::string number(double value);
/// Of texts of values.
std::string array(std::vector<std::string> const& values);
/// Members in this order: name, text of the value.
std::string object(std::vector<std::pair<std::string, std::string>> const& members);

}  // namespace fedstrata::json
