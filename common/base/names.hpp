#pragma once
#include <algorithm>
#include <string_view>

namespace fedstrata {

/// Is it made of ASCII letters, digits, `_` and `-`, and of characters in `also`? No empty name is.
inline bool is_plain_name(std::string_view name, std::string_view also = "") {
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || also.find(c) != std::string_view::npos;
  });
}

}  // namespace fedstrata
