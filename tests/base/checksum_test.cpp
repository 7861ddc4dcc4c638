#include "common/base/checksum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fedstrata {
namespace {

TEST(ChecksumTest, is_xxh64) {
  auto const sum = [](std::string const& text) {
    return checksum_of(std::as_bytes(std::span(text))).checksum;
  };
  EXPECT_EQ(sum(""), "ef46db3751d8e999");
  EXPECT_EQ(sum("a"), "d24ec4f1a98c6e5b");
  EXPECT_EQ(sum("abc"), "44bc2cf5ad770999");
}

TEST(ChecksumTest, does_not_depend_on_pieces_and_sees_every_byte) {
  std::vector<std::byte> bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37);
  Checksum whole;
  whole.add(bytes);
  for (std::size_t piece : {1u, 7u, 31u, 32u, 33u, 999u}) {
    Checksum sum;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      sum.add(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    EXPECT_EQ(sum.value(), whole.value()) << piece;
  }
  for (auto& byte : bytes) {
    byte ^= std::byte{16};
    Checksum changed;
    changed.add(bytes);
    EXPECT_NE(changed.value(), whole.value());
    byte ^= std::byte{16};
  }
}

}  // namespace
}  // namespace fedstrata
