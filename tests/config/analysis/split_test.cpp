#include "common/config/analysis/split.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

TEST(split, names_a_set_or_a_client) {
  EXPECT_EQ(parse_split("client:12").client, 12);
  EXPECT_EQ(parse_split("union").kind, SplitSelection::Kind::both_shares);
  EXPECT_EQ(parse_split("client:12").text, "client:12");
  for (auto const* bad : {"client:", "client:-1", "all"}) {
    EXPECT_THROW(parse_split(bad), InputError) << bad;
  }
}

}  // namespace
}  // namespace fedstrata
