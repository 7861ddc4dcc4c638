#include "experiments/view/screen.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <sstream>

#include "experiments/view/run_view.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(CompactTest, numbers_keep_their_decimals_or_become_short) {
  EXPECT_EQ(compact(0.0, 3), "0.000");
  EXPECT_EQ(compact(-0.1234, 3), "-0.123");
  EXPECT_EQ(compact(0.00012, 3), "0.00012");
  EXPECT_EQ(compact(-1.23e-7, 3), "-1.2e-7");
  EXPECT_EQ(compact(123456789.0, 3), "1.235e8");
  EXPECT_EQ(compact(-1e300, 4, 6), "-1e300");
  EXPECT_EQ(compact(-12.3456, 3, 6), "-12.35");
  EXPECT_EQ(compact(std::numeric_limits<double>::quiet_NaN(), 3), "-");
  EXPECT_EQ(compact(std::numeric_limits<double>::infinity(), 3), "inf");
}

TEST(WrappedTest, breaks_between_words_and_long_words_too) {
  EXPECT_EQ(wrapped("accuracy 11.67 %  loss 2.3\n", 22), "accuracy 11.67 %\n          loss 2.3\n");
  EXPECT_EQ(wrapped("state     one two three\n", 0), "state     one two three\n");
  EXPECT_EQ(wrapped("state     one two three\n", 20), "state     one two\n          three\n");
  EXPECT_EQ(wrapped("run       " + std::string(25, 'x') + "\n", 20),
            "run\n          xxxxxxxxxx\n          xxxxxxxxxx\n          xxxxx\n");
}

TEST(CutTest, keeps_whole_statements_of_one_row) {
  EXPECT_EQ(cut("round 1/9  loss 2.3  left 4 s", 0), "round 1/9  loss 2.3  left 4 s");
  EXPECT_EQ(cut("round 1/9  loss 2.3  left 4 s", 22), "round 1/9  loss 2.3");
  EXPECT_EQ(cut("round 1/9  loss 2.3  left 4 s", 29), "round 1/9  loss 2.3  left 4 s");
}

TEST(FittingTest, shows_the_analyses_that_the_screen_has_room_for) {
  std::vector<AnalysisView> const analyses{
      {"a", "A\n1\n2\n"}, {"none", ""}, {"b", "B\n1\n2\n"}, {"c", "C\n1\n"}};
  EXPECT_EQ(fitting("top\n", analyses, {}), "top\nA\n1\n2\nB\n1\n2\nC\n1\n");
  EXPECT_EQ(fitting("top\n", analyses, {false, 60, 8}),
            "top\nA\n1\n2\nC\n1\nalso      b  (--once shows all)\n");
  EXPECT_EQ(fitting("top\n", analyses, {false, 60, 2}),
            "top\nA\n1\n2\nalso      b, c  (--once shows all)\n");
}

/// Barriers of a network of eleven layers, as the records have them, by name.
std::string view_of(std::vector<std::string> const& splits, Screen const& screen) {
  std::vector<std::string> layers;
  for (int i = 1; i <= 11; ++i) layers.push_back("features.block.fc" + std::to_string(i));
  auto names = layers;
  std::ranges::sort(names);
  std::vector<BarrierRecord> records;
  for (auto const& split : splits) {
    for (auto const& name : names) {
      BarrierRecord record;
      record.round = 4;
      record.split = split;
      record.kind = "layer";
      record.target = name;
      record.b = 1;
      record.loss_mid = -1234.5678;
      record.error_mid = 1e-9;
      records.push_back(record);
    }
  }
  return barrier_view(records, "insitu", layers, true, screen);
}

TEST(BarrierViewTest, layers_stand_in_the_order_of_the_network) {
  auto const text = view_of({"test"}, {});
  std::size_t last = 0;
  for (int i = 1; i <= 11; ++i) {
    auto const place = text.find("fc" + std::to_string(i) + " ");
    ASSERT_NE(place, std::string::npos) << text;
    EXPECT_GT(place, last) << text;
    last = place;
  }
}

TEST(BarrierViewTest, fits_any_screen_of_forty_columns_or_more) {
  for (std::size_t width = 40; width < 130; ++width) {
    auto const text = view_of({"train", "test", "union", "client:3"}, {false, width});
    for (auto const& line : lines_of(text)) EXPECT_LE(line.size(), width) << text;
    for (auto const* word : {"fc10 ", "client:3", "union", "-123", "1e-7"}) {
      EXPECT_THAT(text, HasSubstr(word)) << width;
    }
  }
}

}  // namespace
}  // namespace fedstrata
