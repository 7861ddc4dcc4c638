#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace fedstrata {

/// What a file that begins with these bytes is, and what to do, where no file of images begins so:
/// a web page, a pointer of Git LFS, an archive, Python's pickles. To follow the file's name; "" if
/// it may be one.
std::string told_by_first_bytes(std::span<std::uint8_t const> start);

}  // namespace fedstrata
