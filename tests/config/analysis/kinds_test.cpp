#include "common/config/analysis/kinds.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

TEST(kinds, are_taken_apart) {
  EXPECT_EQ(parse_kind("full").family, Kind::Family::full);
  EXPECT_EQ(parse_kind("cumulative-deep").order, Kind::Order::deep);
  auto const window = parse_kind("window:3");
  EXPECT_EQ(window.count, 3);
  EXPECT_EQ(window.name, "window:3");
  auto const group = parse_kind("group:mid=layer2*+layer3*");
  EXPECT_EQ(group.group, "mid");
  EXPECT_EQ(group.layers, "layer2*,layer3*");
  EXPECT_EQ(parse_kind("random").count, 5);
  EXPECT_EQ(parse_kind("random:12").count, 12);
  auto const plane = parse_kind("plane:3-0-7:fc.1");
  EXPECT_EQ(plane.clients, (std::array<std::int64_t, 3>{3, 0, 7}));
  EXPECT_EQ(plane.layers, "fc.1");
}

TEST(kinds, say_what_is_wrong) {
  for (auto const* bad : {"", "layers", "window", "window:0", "window:x", "group:a", "group:=fc1",
                          "group:a=", "random:0", "plane:1-2", "plane:1-1-2", "full:2"}) {
    EXPECT_THROW(parse_kind(bad), InputError) << bad;
  }
  try {
    parse_kind("cumulative-depp");
  } catch (InputError const& error) {
    EXPECT_NE(std::string(error.what()).find("cumulative-deep?"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace fedstrata
