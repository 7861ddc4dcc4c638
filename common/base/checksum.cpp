#include "common/base/checksum.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <new>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

std::string hexadecimal(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace

Checksum::Checksum() : state_(XXH64_createState()) {
  if (!state_) throw std::bad_alloc();
  XXH64_reset(state_.get(), 0);
}

void Checksum::Free::operator()(XXH64_state_s* state) const { XXH64_freeState(state); }

void Checksum::add(std::span<std::byte const> bytes) {
  XXH64_update(state_.get(), bytes.data(), bytes.size());
}

std::uint64_t Checksum::value() const { return XXH64_digest(state_.get()); }

FileSum checksum_file(std::filesystem::path const& path) {
  int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw_system_error("read", path);
  Checksum sum;
  FileSum result;
  std::array<std::byte, std::size_t{1} << 16> buffer;
  ssize_t got = 0;
  while ((got = ::read(file, buffer.data(), buffer.size())) > 0) {
    sum.add(std::span(buffer).first(static_cast<std::size_t>(got)));
    result.bytes += got;
  }
  int const error = errno;
  ::close(file);
  errno = error;
  if (got < 0) throw_system_error("read", path);
  result.checksum = hexadecimal(sum.value());
  return result;
}

FileSum checksum_of(std::span<std::byte const> bytes) {
  Checksum sum;
  sum.add(bytes);
  return {static_cast<std::int64_t>(bytes.size()), hexadecimal(sum.value())};
}

}  // namespace fedstrata
