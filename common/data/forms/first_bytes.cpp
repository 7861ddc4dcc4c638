#include "common/data/forms/first_bytes.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace fedstrata {

std::string told_by_first_bytes(std::span<std::uint8_t const> start) {
  std::string_view const all(reinterpret_cast<char const*>(start.data()), start.size());
  std::string text(all.substr(std::min(all.size(), all.find_first_not_of(" \t\r\n"))));
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  if (all.empty()) return "is empty: fetch it again";
  if (text.starts_with("<!doctype") || text.starts_with("<html"))
    return "is a web page: the address that it was fetched from leads to a page and not to the "
           "file; fetch the file itself";
  if (all.starts_with("version https://git-lfs"))
    return "is a pointer of Git LFS, not the file itself: fetch that with git lfs pull";
  // The protocol, 2 to 5, and then the first of the instructions that make a dict.
  if (all.size() > 2 && all[0] == '\x80' && all[1] >= 2 && all[1] <= 5 &&
      (all[2] == '}' || all[2] == '\x95'))
    return "holds Python's pickles, and the binary version is needed: python -m fedstrata data SRC "
           "DST converts CIFAR's";
  if (all.starts_with("PK\3\4")) return "is a zip archive: unpack it";
  if (all.starts_with("\x1f\x8b")) return "is gzipped twice: unpack it once with gunzip";
  if (all.starts_with("BZh")) return "is packed with bzip2: unpack it with bunzip2";
  if (all.starts_with(std::string_view("\xfd"
                                       "7zXZ\0",
                                       6)))
    return "is packed with xz: unpack it with unxz";
  if (all.substr(std::min<std::size_t>(all.size(), 257)).starts_with("ustar"))
    return "is a tar archive: unpack it with tar -xf";
  return "";
}

}  // namespace fedstrata
