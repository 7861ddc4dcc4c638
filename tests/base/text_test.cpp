#include "common/base/text.hpp"

#include <gtest/gtest.h>

#include "common/base/format.hpp"
#include "common/base/names.hpp"

namespace fedstrata {
namespace {

TEST(TextTest, plain_names) {
  for (auto const* name : {"a", "A-1_b", "0"}) EXPECT_TRUE(is_plain_name(name)) << name;
  for (auto const* name : {"", "a b", "a.b", "a/b", "\xc3\xa4"}) {
    EXPECT_FALSE(is_plain_name(name)) << name;
  }
  EXPECT_TRUE(is_plain_name("a.b", "."));
}

TEST(TextTest, suggests_only_what_was_misspelt) {
  std::vector<std::string> const known = {"fedavg", "fedper",   "adam",     "mnist",
                                          "every",  "momentum", "resnet18", "lr"};
  EXPECT_EQ(nearest("fedpre", known), "fedper");
  EXPECT_EQ(nearest("evry", known), "every");
  EXPECT_EQ(nearest("momemtun", known), "momentum");
  EXPECT_EQ(nearest("omentumm", known), "momentum");
  // Other things of the field, or of no use.
  for (auto const* word : {"fedprox", "fedrep", "nadam", "emnist", "resnet34", "mu", "x", ""}) {
    EXPECT_EQ(nearest(word, known), "") << word;
  }
}

TEST(TextTest, bytes_have_a_unit) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.00 KiB");
  EXPECT_EQ(bytes_text(12.4 * 1024 * 1024), "12 MiB");
  EXPECT_EQ(bytes_text(5e15), "4547 TiB");
}

}  // namespace
}  // namespace fedstrata
