#pragma once
#include <cstddef>
#include <string>

namespace fedstrata {

/// What a view is drawn on.
struct Screen {
  bool colors = false;
  std::size_t width = 0;   ///< columns, 40 or more; 0: as many as it takes
  std::size_t height = 0;  ///< lines; 0: as many as it takes
  bool operator==(Screen const&) const = default;
};

/// Of standard output: a terminal has colors, and a width if it tells.
Screen standard_output();

/// Lines of more than `width` columns (0: any number) broken, between words where possible; they go
/// on indented, as what stands in the first column is a heading.
std::string wrapped(std::string const& text, std::size_t width);

/// What of one line stands in a row of `width` columns (0: any number): whole statements, which two
/// blanks part, where possible.
std::string cut(std::string const& line, std::size_t width);

/// With so many decimals; "0.002" and "1.2e-5" where these would be zeros, "1.2e6" where the number
/// takes more than `width` characters; "-" for what is absent.
std::string compact(double value, int decimals, std::size_t width = 8);

}  // namespace fedstrata
