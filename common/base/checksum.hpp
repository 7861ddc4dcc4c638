#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

struct XXH64_state_s;  // of xxhash.h, which only checksum.cpp includes

namespace fedstrata {

/// XXH64 with seed 0 (the algorithm behind `xxhsum -H1`), fed piece by piece.
class Checksum {
 public:
  Checksum();
  void add(std::span<std::byte const> bytes);
  /// Of all bytes so far; more may follow.
  std::uint64_t value() const;

 private:
  struct Free {
    void operator()(XXH64_state_s* state) const;
  };
  std::unique_ptr<XXH64_state_s, Free> state_;
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
