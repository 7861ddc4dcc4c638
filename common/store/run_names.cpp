#include "common/store/run_names.hpp"

#include <algorithm>
#include <utility>

#include "common/base/files.hpp"

namespace fedstrata {

std::string round_text(std::int64_t round) {
  auto const digits = std::to_string(round);
  return std::string(6 - std::min<std::size_t>(6, digits.size()), '0') + digits;
}

std::string newest_header(std::filesystem::path const& directory) {
  std::string newest = RunNames::kHeader;
  for (auto const& name : list_files(directory, ".h5")) {
    if (!name.starts_with("header-")) continue;
    if (std::pair(name.size(), name) > std::pair(newest.size(), newest)) newest = name;
  }
  return newest;
}

}  // namespace fedstrata
