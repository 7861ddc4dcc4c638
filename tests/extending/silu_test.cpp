#include "extending/silu.cpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

TEST(Extending, operation) {
  ModelBuilder builder("net", Dimensions{4});
  linear(builder, "fc", 3);
  silu(builder);
  EXPECT_EQ(builder.input().dimensions, (Dimensions{3}));

  auto const x = at::randn({5, 3}, at::kDouble), leaf = x.clone().requires_grad_();
  auto const expected = leaf * at::sigmoid(leaf);
  expected.sum().backward();
  Saved saved;
  auto const operation = silu();
  EXPECT_TRUE(at::allclose(operation->forward({x}, {}, saved).main, expected));
  auto const gradient = operation->backward({at::ones_like(x)}, {}, {}, saved, false).main;
  EXPECT_TRUE(at::allclose(gradient, leaf.grad()));
}

}  // namespace
}  // namespace fedstrata
