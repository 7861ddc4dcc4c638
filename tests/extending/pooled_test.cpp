#include "extending/pooled.cpp"

#include <gtest/gtest.h>

#include "tests/support/model_fixture.hpp"

namespace fedstrata {
namespace {

TEST(Extending, model) {
  auto const model = make_pooled({}, kGrey);
  EXPECT_EQ(model.table().layers.size(), 3U);
  EXPECT_EQ(model.table().parameter_count, 16 * 9 + 16 + 32 * 16 * 9 + 32 + 10 * 32 + 10);
  Fixture const f(model);
  EXPECT_EQ(f.row.numel(), model.table().parameter_count);
}

}  // namespace
}  // namespace fedstrata
