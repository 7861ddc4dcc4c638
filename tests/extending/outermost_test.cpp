#include "extending/outermost.cpp"

#include <gtest/gtest.h>

#include "tests/support/small_federation.hpp"

namespace fedstrata {
namespace {

TEST(Extending, kind) {
  Federation setup;
  setup.config.kinds = parse_kinds("group:ends=first:1+last:1");
  auto const expected = setup.run().rows<BarrierRecord>();
  setup.config.kinds = {"outermost", {make_outermost({"outermost", {}})}};
  auto const found = setup.run().rows<BarrierRecord>();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].kind.str(), "outermost");
    EXPECT_EQ(found[i].loss_mid, expected[i].loss_mid);
  }
}

}  // namespace
}  // namespace fedstrata
