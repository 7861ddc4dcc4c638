#include "common/base/checksum.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87u;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4Fu;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9u;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63u;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5u;

template <class Word>
std::uint64_t load(std::byte const* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint64_t mix(std::uint64_t lane, std::uint64_t word) {
  return std::rotl(lane + word * kPrime2, 31) * kPrime1;
}

void mix_stripes(std::array<std::uint64_t, 4>& lanes, std::span<std::byte const> bytes) {
  auto local = lanes;
  for (std::size_t i = 0; i + 32 <= bytes.size(); i += 32)
    for (std::size_t k = 0; k < 4; ++k)
      local[k] = mix(local[k], load<std::uint64_t>(bytes.data() + i + 8 * k));
  lanes = local;
}

std::string hexadecimal(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace

Checksum::Checksum() : lanes_{kPrime1 + kPrime2, kPrime2, 0, std::uint64_t{0} - kPrime1} {}

void Checksum::add(std::span<std::byte const> bytes) {
  total_ += bytes.size();
  if (tail_size_ > 0) {
    auto const n = std::min(bytes.size(), tail_.size() - tail_size_);
    std::copy_n(bytes.begin(), n, tail_.begin() + static_cast<std::ptrdiff_t>(tail_size_));
    tail_size_ += n;
    bytes = bytes.subspan(n);
    if (tail_size_ < tail_.size()) return;
    mix_stripes(lanes_, tail_);
    tail_size_ = 0;
  }
  auto const whole = bytes.size() / 32 * 32;
  mix_stripes(lanes_, bytes.first(whole));
  tail_size_ = bytes.size() - whole;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(whole), tail_size_, tail_.begin());
}

std::uint64_t Checksum::value() const {
  std::uint64_t hash = kPrime5;
  if (total_ >= 32) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
           std::rotl(lanes_[3], 18);
    for (auto const lane : lanes_) hash = (hash ^ mix(0, lane)) * kPrime1 + kPrime4;
  }
  hash += total_;
  std::size_t i = 0;
  for (; i + 8 <= tail_size_; i += 8)
    hash = std::rotl(hash ^ mix(0, load<std::uint64_t>(&tail_[i])), 27) * kPrime1 + kPrime4;
  for (; i + 4 <= tail_size_; i += 4)
    hash = std::rotl(hash ^ load<std::uint32_t>(&tail_[i]) * kPrime1, 23) * kPrime2 + kPrime3;
  for (; i < tail_size_; ++i)
    hash = std::rotl(hash ^ std::to_integer<std::uint64_t>(tail_[i]) * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

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
