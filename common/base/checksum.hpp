#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace fedstrata {

/// XXH64 with seed 0 (the algorithm behind `xxhsum -H1`), fed piece by piece.
class Checksum {
 public:
  Checksum();
  void add(std::span<std::byte const> bytes);
  std::uint64_t value() const;

 private:
  std::array<std::uint64_t, 4> lanes_;
  std::array<std::byte, 32> tail_{};
  std::size_t tail_size_ = 0;
  std::uint64_t total_ = 0;
};

/// What is known of a whole file.
struct FileSum {
  std::int64_t bytes = 0;
  std::string checksum;  ///< 16 hexadecimal digits
  bool operator==(FileSum const&) const = default;
};

/// Reads the whole file. Throws Error when it cannot be read.
FileSum checksum_file(std::filesystem::path const& path);
FileSum checksum_of(std::span<std::byte const> bytes);

}  // namespace fedstrata
