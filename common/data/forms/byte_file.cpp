#include "common/data/forms/byte_file.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/error.hpp"
#include "common/data/forms/first_bytes.hpp"

namespace fedstrata {

// zlib tells by itself whether a file is gzipped.
ByteFile::ByteFile(std::filesystem::path const& path)
    : path_(path.string()), file_(gzopen(path_.c_str(), "rb"), gzclose) {
  require_input(file_ != nullptr, path_ + " cannot be opened: check its permissions");
  gzbuffer(file_.get(), 1u << 17);
  size_ = std::filesystem::file_size(path);
  plain_ = gzdirect(file_.get()) != 0;
  std::array<std::uint8_t, 512> start{};
  int const got = gzread(file_.get(), start.data(), static_cast<unsigned>(start.size()));
  if (got < 0) fail_damaged();
  if (got == 0 && size_ > 0) fail_truncated();
  auto const told = told_by_first_bytes(std::span(start).first(static_cast<std::size_t>(got)));
  if (!told.empty()) fail(told);
  rewind();
}

void ByteFile::rewind() {
  if (gzrewind(file_.get()) != 0) fail_damaged();
}

std::uint64_t ByteFile::length() {
  if (plain_) return size_;
  std::uint64_t bytes = 0;
  std::vector<std::uint8_t> part(1u << 17);
  int got = 0;
  while ((got = gzread(file_.get(), part.data(), static_cast<unsigned>(part.size()))) > 0)
    bytes += static_cast<std::uint64_t>(got);
  expect_end();
  rewind();
  return bytes;
}

void ByteFile::expect(std::uint64_t bytes) const {
  constexpr std::uint64_t kBestDeflateRatio = 1032;
  if (bytes > (plain_ ? size_ : size_ * kBestDeflateRatio)) fail_truncated();
  if (plain_ && bytes < size_) fail_longer();
}

void ByteFile::read(std::span<std::uint8_t> out) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  while (!out.empty()) {
    auto const wanted = static_cast<unsigned>(std::min(out.size(), kMost));
    int const got = gzread(file_.get(), out.data(), wanted);
    if (got < 0) fail_damaged();
    if (got == 0) fail_truncated();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

void ByteFile::expect_end() {
  std::uint8_t byte = 0;
  int const got = gzread(file_.get(), &byte, 1);
  if (got > 0) fail_longer();
  int status = Z_OK;
  gzerror(file_.get(), &status);
  if (status == Z_BUF_ERROR) fail_truncated();
  if (got < 0) fail_damaged();
}

void ByteFile::fail(std::string const& what) const { throw InputError(path_ + " " + what); }

void ByteFile::fail_truncated() const { fail("is truncated: fetch it again"); }

void ByteFile::fail_longer() const { fail("is longer than its header says: fetch it again"); }

void ByteFile::fail_damaged() const {
  int status = Z_OK;
  fail("is damaged (" + std::string(gzerror(file_.get(), &status)) + "): fetch it again");
}

}  // namespace fedstrata
