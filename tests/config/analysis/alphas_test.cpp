#include "common/config/analysis/alphas.hpp"

#include <gmock/gmock.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;

TEST(AlphasTest, a_count_includes_both_ends_and_always_the_middle) {
  EXPECT_THAT(parse_alphas("3").grid, ElementsAre(0, 0.5, 1));
  EXPECT_THAT(parse_alphas("5").grid, ElementsAre(0, 0.25, 0.5, 0.75, 1));
  EXPECT_THAT(parse_alphas("2").grid, ElementsAre(0, 0.5, 1));
  EXPECT_THAT(parse_alphas("4").grid, ElementsAre(0, 1.0 / 3, 0.5, 2.0 / 3, 1));
}

TEST(AlphasTest, a_list_is_sorted_and_completed) {
  EXPECT_THAT(parse_alphas("0.75, 0.1,0.75").grid, ElementsAre(0, 0.1, 0.5, 0.75, 1));
  EXPECT_THAT(parse_alphas("1").grid, ElementsAre(0, 0.5, 1));
  EXPECT_THAT(parse_alphas("-0").grid, ElementsAre(0, 0.5, 1));
}

TEST(AlphasTest, what_is_neither_is_refused) {
  for (auto const* text : {"", "x", "0.5,", "1.5", "-0.1", "nan", "0.5 0.6", "5000", "2,3"}) {
    EXPECT_THROW(parse_alphas(text), InputError) << text;
  }
}

TEST(AlphasTest, searches_have_a_grid_and_a_tolerance) {
  EXPECT_EQ(parse_alphas("search").grid.size(), 9u);
  EXPECT_EQ(parse_alphas("search").search_tolerance, 0.01);
  EXPECT_EQ(parse_alphas("search:0.001").search_tolerance, 0.001);
  EXPECT_EQ(parse_alphas("5").search_tolerance, 0.0);
  EXPECT_THROW(parse_alphas("search:2"), InputError);
}

TEST(AlphasTest, the_default_is_what_its_text_says) {
  EXPECT_EQ(AlphaSelection{}.grid, parse_alphas(AlphaSelection{}.text).grid);
}

}  // namespace
}  // namespace fedstrata
