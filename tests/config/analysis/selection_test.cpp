#include "common/config/analysis/selection.hpp"

#include <gmock/gmock.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;

TEST(AlphasTest, a_count_includes_both_ends_and_always_the_middle) {
  EXPECT_THAT(parse_alphas("3"), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(parse_alphas("5"), ElementsAre(0, 0.25, 0.5, 0.75, 1));
  EXPECT_THAT(parse_alphas("2"), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(parse_alphas("4"), ElementsAre(0, 1.0 / 3, 0.5, 2.0 / 3, 1));
}

TEST(AlphasTest, a_list_is_sorted_and_completed) {
  EXPECT_THAT(parse_alphas("0.75, 0.1,0.75"), ElementsAre(0, 0.1, 0.5, 0.75, 1));
  EXPECT_THAT(parse_alphas("1"), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(parse_alphas("-0"), ElementsAre(0, 0.5, 1));
}

TEST(AlphasTest, what_is_neither_is_refused) {
  for (auto const* text : {"", "x", "0.5,", "1.5", "-0.1", "nan", "0.5 0.6", "5000", "2,3"}) {
    EXPECT_THROW(parse_alphas(text), InputError) << text;
  }
}

std::vector<std::int64_t> const kStored = {0, 2, 4, 6, 10};

TEST(RoundsTest, all_starts_at_round_one) {
  EXPECT_THAT(select_rounds("all", kStored), ElementsAre(2, 4, 6, 10));
  EXPECT_THAT(select_rounds("last", kStored), ElementsAre(10));
}

TEST(RoundsTest, a_list_must_be_stored) {
  EXPECT_THAT(select_rounds("10, 0,2,2", kStored), ElementsAre(0, 2, 10));
  try {
    select_rounds("2,3", kStored);
    FAIL();
  } catch (InputError const& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("round 3 is not stored; stored rounds: 0, 2, 4"));
  }
}

TEST(RoundsTest, a_progression_takes_what_is_stored_of_it) {
  EXPECT_THAT(select_rounds("0:8:4", kStored), ElementsAre(0, 4));
  EXPECT_THAT(select_rounds("3:100", kStored), ElementsAre(4, 6, 10));
  EXPECT_THROW(select_rounds("7:9", kStored), InputError);
}

TEST(RoundsTest, nothing_stored_or_left_is_an_error) {
  EXPECT_THROW(select_rounds("all", {}), InputError);
  EXPECT_THROW(select_rounds("all", {0}), InputError);
}

TEST(RoundsTest, malformed_specs_are_refused) {
  EXPECT_NO_THROW(check_rounds("all"));
  EXPECT_NO_THROW(check_rounds("1:9:2"));
  for (auto const* text : {"", "every", "-1", "1:", "1:2:0", "5:1", "1:2:3:4", "1.5", "1,,2"}) {
    EXPECT_THROW(check_rounds(text), InputError) << text;
  }
}

}  // namespace
}  // namespace fedstrata
