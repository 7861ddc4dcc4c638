#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

struct gzFile_s;

namespace fedstrata {

/// A file of bytes, gzipped or not. All throw InputError that names the file.
class ByteFile {
 public:
  /// Refuses what its first bytes show to be something else.
  explicit ByteFile(std::filesystem::path const& path);

  std::string const& path() const { return path_; }
  /// Bytes in all, once unpacked; before anything is read, as a gzipped file is read for it and
  /// then once more.
  std::uint64_t length();

  /// Checks before memory is taken that the file can hold `bytes` in all; a plain one exactly.
  void expect(std::uint64_t bytes) const;
  /// The next bytes.
  void read(std::span<std::uint8_t> out);
  /// Reads on to the end, where the checksum of a gzipped file is compared.
  void expect_end();
  /// Throws "PATH what".
  [[noreturn]] void fail(std::string const& what) const;

 private:
  void rewind();
  [[noreturn]] void fail_truncated() const;
  [[noreturn]] void fail_longer() const;
  [[noreturn]] void fail_damaged() const;

  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile_s*)> file_;
  std::uint64_t size_ = 0;
  bool plain_ = true;
};

}  // namespace fedstrata
