#include "experiments/view/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace fedstrata {
namespace {

constexpr std::size_t kLeastWidth = 40;
constexpr std::size_t kIndent = 10;

std::string printed(char const* format, int digits, double value) {
  std::array<char, 512> text{};  // the longest double has 309 digits before the point
  std::snprintf(text.data(), text.size(), format, digits, value);
  return text.data();
}

/// So many significant digits; "1.2e-05" without what an exponent does not need.
std::string significant(double value, int digits) {
  auto text = printed("%.*g", digits, value);
  auto const mark = text.find('e');
  if (mark == std::string::npos) return text;
  auto exponent = text.substr(mark + 1);
  std::string const sign = exponent[0] == '-' ? "-" : "";
  exponent.erase(0, exponent.find_first_not_of("+-0"));
  return text.substr(0, mark) + "e" + sign + exponent;
}

/// Where a line is cut that may have `width` bytes: between two statements in its second half, or
/// else at a blank behind the indentation, or in a word, but in no UTF-8 character.
std::size_t place_of_cut(std::string const& line, std::size_t width) {
  auto const gap = line.rfind("  ", width);
  if (gap != std::string::npos && gap > std::max(width / 2, kIndent)) return gap;
  auto const blank = line.rfind(' ', width);
  if (blank != std::string::npos && line.find_first_not_of(' ') < blank) return blank;
  auto cut = width;
  while (cut > kIndent + 1 && (static_cast<unsigned char>(line[cut]) & 0xC0U) == 0x80U) --cut;
  return cut;
}

}  // namespace

Screen standard_output() {
  if (isatty(STDOUT_FILENO) == 0) return {};
  winsize size{};
  bool const told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  if (!told) return {.colors = true};
  return {true, std::max<std::size_t>(size.ws_col, kLeastWidth), size.ws_row};
}

std::string wrapped(std::string const& text, std::size_t width) {
  if (width == 0) return text;
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(' ') + 1);
    while (line.size() > width) {
      auto const cut = place_of_cut(line, width);
      result += line.substr(0, line.find_last_not_of(' ', cut - 1) + 1) + "\n";
      line = std::string(kIndent, ' ') + line.substr(line.find_first_not_of(' ', cut));
    }
    result += line + "\n";
  }
  return result;
}

std::string cut(std::string const& line, std::size_t width) {
  auto const text = wrapped(line, width);
  return text.substr(0, text.find('\n'));
}

std::string compact(double value, int decimals, std::size_t width) {
  if (std::isnan(value)) return "-";
  auto text = printed("%.*f", decimals, value);
  bool const vanishes = value != 0.0 && text.find_first_of("123456789i") == std::string::npos;
  if (vanishes) text = significant(value, 2);
  for (int digits = decimals + 1; text.size() > width && digits > 0; --digits) {
    text = significant(value, digits);
  }
  return text;
}

}  // namespace fedstrata
