#include "extending/halfway.cpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

TEST(Extending, update) {
  auto const update = make_halfway_update({});
  std::vector<float> const before = {1.0F, 2.0F};
  std::vector<float> values = {3.0F, 2.0F};
  std::vector<float> way(2, update.fields.at(0).initial);
  update.apply({.before = before, .values = values, .state = {way}});
  EXPECT_EQ(values, (std::vector<float>{2.0F, 2.0F}));
  EXPECT_EQ(way, (std::vector<float>{2.0F, 0.0F}));
}

}  // namespace
}  // namespace fedstrata
