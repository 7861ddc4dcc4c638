#include "common/base/json.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace fedstrata {
namespace {

TEST(Json, escapes_what_must_be) {
  EXPECT_EQ(json::text("a \"b\" \\ \n\t\x01"), R"("a \"b\" \\ \n\t\u0001")");
  EXPECT_EQ(json::text(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(Json, is_valid_utf_8_whatever_comes) {
  EXPECT_EQ(json::text("Zürich 例 \xF0\x9F\x98\x80"), "\"Zürich 例 \xF0\x9F\x98\x80\"");
  // A lone byte, one cut off, a longer form than need be, a surrogate, beyond the last character.
  for (std::string const bytes : {"\xFF", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                                  "\xF4\x90\x80\x80", "\xF0\x9F\x98"}) {
    std::string expected = "\"";
    for (std::size_t i = 0; i < bytes.size(); ++i) expected += "\xEF\xBF\xBD";
    EXPECT_EQ(json::text(bytes), expected + "\"");
  }
}

TEST(Json, numbers_read_back_and_what_is_none_is_null) {
  EXPECT_EQ(json::number(0.1), "0.1");
  EXPECT_EQ(json::number(1e300), "1e+300");
  EXPECT_EQ(json::number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(json::number(-std::numeric_limits<double>::infinity()), "null");
}

TEST(Json, puts_values_together) {
  EXPECT_EQ(json::array({}), "[]");
  EXPECT_EQ(json::object({{"a", json::array({"1", "null"})}, {"b\"", json::text("c")}}),
            R"({"a": [1, null], "b\"": "c"})");
}

}  // namespace
}  // namespace fedstrata
