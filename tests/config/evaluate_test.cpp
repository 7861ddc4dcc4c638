#include "common/config/evaluate.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

TEST(evaluate, is_a_word_or_a_number_of_participants) {
  EXPECT_EQ(parse_evaluate("12").clients, 12);
  EXPECT_EQ(parse_evaluate("12").text, "12");
  EXPECT_EQ(parse_evaluate("global").what, EvaluateSelection::What::global);
  for (auto const* bad : {"0", "-1", "all", "2.5", ""}) {
    EXPECT_THROW(parse_evaluate(bad), InputError) << bad;
  }
}

}  // namespace
}  // namespace fedstrata
