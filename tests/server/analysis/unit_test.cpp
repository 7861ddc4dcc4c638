#include "server/analysis/unit.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

// Journals of 0.1.0 hold these numbers in this order: an analysis that it left must go on.

TEST(unit, results_keep_the_order_that_journals_have) {
  EXPECT_EQ(packed(ComparisonResult{{{1, 2, 3, 4}, {5, 6, 7, 8}}}),
            (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(packed(AlignmentResult{{2, 0, 1}}), (std::vector<double>{2, 0, 1}));
  PointsResult const points{{{1, 2}, {3, 4}}, {{{5, 6}}, {{7, 8}, {9, 10}}}, 11, 12};
  EXPECT_EQ(packed(points), (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST(unit, results_come_back_as_they_were) {
  PointsResult const points{{{1, 2}, {3, 4}}, {{{5, 6}}, {{7, 8}, {9, 10}}}, 11, 12};
  auto const numbers = packed(points);
  auto const back = unpacked_points(numbers, 2, {1, 2});
  EXPECT_EQ(packed(back), numbers);
  EXPECT_EQ(back.squares[1][0].loss, 7.0);
  EXPECT_EQ(back.plain_multiply_adds, 12.0);
  EXPECT_EQ(unpacked_comparison({1, 2, 3, 4}, 1).layers[0].squared_a, 3.0);
  EXPECT_EQ(unpacked_alignment({2, 0, 1}, 3).orders, (std::vector<std::int64_t>{2, 0, 1}));
}

TEST(unit, numbers_of_another_plan_are_refused) {
  EXPECT_THROW(unpacked_points({1, 2, 3, 4}, 2, {}), Error);
  EXPECT_THROW(unpacked_comparison({1, 2, 3}, 1), Error);
  EXPECT_THROW(unpacked_alignment({}, 1), Error);
}

}  // namespace
}  // namespace fedstrata
