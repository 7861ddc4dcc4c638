#include "common/base/format.hpp"

#include <array>
#include <ctime>
#include <sstream>

namespace fedstrata {

std::string bytes_text(double bytes) {
  static constexpr std::array<char const*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024.0 && unit + 1 < kUnits.size()) {
    bytes /= 1024.0;
    ++unit;
  }
  std::ostringstream out;
  out.precision(bytes < 10.0 && unit > 0 ? 2 : 0);
  out << std::fixed << bytes << ' ' << kUnits[unit];
  return out.str();
}

std::string time_of_day() {
  auto const now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  return text.data();
}

}  // namespace fedstrata
