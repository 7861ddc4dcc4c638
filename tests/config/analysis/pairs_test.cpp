#include "common/config/analysis/pairs.hpp"

#include <gmock/gmock.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;

TEST(PairSelectionTest, listed_pairs_keep_their_order_without_repeats) {
  auto const pairs = parse_pairs(" 5-2, 0-1 ,5-2");
  EXPECT_THAT(pairs.listed, ElementsAre(Pair{5, 2}, Pair{0, 1}));
  EXPECT_EQ(pairs.text, " 5-2, 0-1 ,5-2");
  EXPECT_EQ(parse_pairs("random:7").count, 7);
  EXPECT_EQ(parse_pairs("round:0").kind, PairSelection::Kind::round);
}

TEST(PairSelectionTest, malformed_text_is_refused) {
  for (auto const* text : {"", "al", "0", "0-", "-1", "0-1,", "0-1-2", "random:", "random:0",
                           "random:x", "ring:2", "round:-1", "0-99999999999999999999"}) {
    EXPECT_THROW(parse_pairs(text), InputError) << text;
  }
}

TEST(PairSelectionTest, clients_must_be_there) {
  EXPECT_NO_THROW(check_pairs(parse_pairs("0-4"), 5));
  for (auto const* text : {"0-5", "2-2", "same"}) {
    EXPECT_THROW(check_pairs(parse_pairs(text), 5), InputError) << text;
  }
  try {
    check_pairs(parse_pairs("0-5"), 5);
  } catch (InputError const& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("clients are 0 to 4"));
  }
}

TEST(PairSelectionTest, another_run_has_partners_for_some) {
  for (auto const* text : {"all", "random:4", "4-2,6-1,1-1", "same"}) {
    EXPECT_NO_THROW(check_pairs(parse_pairs(text), 9, true, 3)) << text;
  }
  for (auto const* text : {"ring", "mean", "clients", "round:2", "1-3"}) {
    EXPECT_THROW(check_pairs(parse_pairs(text), 9, true, 3), InputError) << text;
  }
}

}  // namespace
}  // namespace fedstrata
