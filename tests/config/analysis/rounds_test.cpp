#include "common/config/analysis/rounds.hpp"

#include <gmock/gmock.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> const kStored = {0, 2, 4, 6, 10};

std::vector<std::int64_t> selected(std::string const& text,
                                   std::vector<std::int64_t> const& stored = kStored) {
  return select_rounds(parse_rounds(text), stored);
}

TEST(RoundsTest, all_starts_at_round_one) {
  EXPECT_THAT(selected("all"), ElementsAre(2, 4, 6, 10));
  EXPECT_THAT(selected("last"), ElementsAre(10));
}

TEST(RoundsTest, a_list_must_be_stored) {
  EXPECT_THAT(selected("10, 0,2,2"), ElementsAre(0, 2, 10));
  try {
    selected("2,3");
    FAIL();
  } catch (InputError const& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("round 3 is not stored; stored rounds: 0, 2, 4"));
  }
}

TEST(RoundsTest, a_progression_takes_what_is_stored_of_it) {
  EXPECT_THAT(selected("0:8:4"), ElementsAre(0, 4));
  EXPECT_THAT(selected("3:100"), ElementsAre(4, 6, 10));
  EXPECT_THROW(selected("7:9"), InputError);
}

TEST(RoundsTest, nothing_stored_or_left_is_an_error) {
  EXPECT_THROW(selected("all", {}), InputError);
  EXPECT_THROW(selected("all", {0}), InputError);
}

TEST(RoundsTest, malformed_specs_are_refused) {
  EXPECT_EQ(parse_rounds("all").text, "all");
  EXPECT_EQ(parse_rounds("1:9:2").text, "1:9:2");
  for (auto const* text : {"", "every", "-1", "1:", "1:2:0", "5:1", "1:2:3:4", "1.5", "1,,2"}) {
    EXPECT_THROW(parse_rounds(text), InputError) << text;
  }
}

}  // namespace
}  // namespace fedstrata
