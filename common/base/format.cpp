#include "common/base/format.hpp"

#include <array>
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

}  // namespace fedstrata
