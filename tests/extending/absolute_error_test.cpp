#include "extending/absolute_error.cpp"

#include <gtest/gtest.h>

#include <vector>

namespace fedstrata {
namespace {

TEST(Extending, task) {
  auto const& task = absolute_error_task();
  auto const outputs = at::tensor({1.0F, -2.0F, 0.5F, 4.0F}).view({2, 2});
  auto const targets = at::tensor({0.0F, 0.0F, 1.0F, 1.0F}).view({2, 2});
  auto sums = at::zeros({2}, at::kDouble);
  auto const variable = outputs.clone().requires_grad_();
  at::l1_loss(variable, targets).backward();
  EXPECT_TRUE(at::allclose(task.gradient(outputs, targets, sums), variable.grad()));
  std::vector<double> losses(2);
  std::vector<float> errors(2);
  task.judge(outputs, targets, losses, errors);
  EXPECT_DOUBLE_EQ(losses[0], 1.5);
  EXPECT_EQ(errors[1], 1.75F);
  EXPECT_DOUBLE_EQ(task.evaluate(outputs, targets).loss, 3.25);
  EXPECT_DOUBLE_EQ(sums[0].item<double>(), 3.25);
}

}  // namespace
}  // namespace fedstrata
