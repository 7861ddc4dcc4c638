#include "common/model/operations/operations.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace fedstrata {
namespace {

double largest_difference(at::Tensor const& a, at::Tensor const& b) {
  return (a - b).abs().max().item<double>();
}

/// Gradients of sum(output * upstream) by central differences, for every element of `variable`.
template <class Function>
at::Tensor numerical_gradient(at::Tensor variable, Function const& value) {
  auto gradient = at::empty_like(variable);
  auto flat = variable.view(-1), out = gradient.view(-1);
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    auto const middle = flat[i].item<double>();
    auto const at_offset = [&](double offset) {
      flat[i].fill_(middle + offset);
      return value().template item<double>();
    };
    out[i].fill_((at_offset(1e-5) - at_offset(-1e-5)) / 2e-5);
    flat[i].fill_(middle);
  }
  return gradient;
}

/// Expects an operation's backward pass to be the derivative of its forward pass, by the input and
/// by each parameter. All in double precision.
void expect_derivative(Operation const& operation, at::Tensor const& input, Weights weights) {
  auto const run = [&](Saved& saved) {
    return operation.forward({input.clone(), {}}, weights, saved).main;
  };
  Saved saved;
  auto const output = run(saved);
  auto const upstream = at::randn_like(output);
  GradientTarget target;
  for (auto const& p : weights.parameters) target.into.parameters.push_back(at::empty_like(p));
  target.into.buffers = weights.buffers;
  auto const gradient =
      operation.backward({upstream.clone(), {}}, weights, target, saved, false).main;

  auto const value = [&] {
    Saved unused;
    return (run(unused) * upstream).sum();
  };
  EXPECT_LT(largest_difference(gradient, numerical_gradient(input, value)), 1e-7);
  for (std::size_t i = 0; i < weights.parameters.size(); ++i)
    EXPECT_LT(largest_difference(target.into.parameters[i],
                                 numerical_gradient(weights.parameters[i], value)),
              1e-7);
}

at::Tensor random(std::vector<std::int64_t> const& shape) { return at::randn(shape, at::kDouble); }

class Derivative : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(5); }
};

TEST_F(Derivative, linear) {
  expect_derivative(*linear(0, 1), random({3, 2, 2, 2}), {{random({4, 8}), random({4})}, {}});
  expect_derivative(*linear(0, -1), random({3, 8}), {{random({4, 8})}, {}});
}

TEST_F(Derivative, activations) {
  expect_derivative(*relu(), random({3, 7}), {});
  expect_derivative(*global_average_pool(), random({2, 3, 4, 4}), {});
  expect_derivative(*adaptive_average_pool(3), random({2, 2, 5, 5}), {});
  expect_derivative(*max_pool({2, 2, 0}), random({2, 3, 5, 5}), {});
}

TEST_F(Derivative, convolution) {
  expect_derivative(*convolution(0, 1, {3, 2, 1}), random({2, 2, 5, 5}),
                    {{random({3, 2, 3, 3}), random({3})}, {}});
  expect_derivative(*convolution(0, -1, {3, 1, 0}), random({2, 1, 5, 5}),
                    {{random({3, 1, 3, 3})}, {}});
}

TEST_F(Derivative, norms) {
  Weights const weights{{random({4}), random({4})},
                        {at::zeros({4}, at::kDouble), at::ones({4}, at::kDouble)}};
  expect_derivative(*batch_norm(0, 1, 0, 1), random({3, 4, 2, 2}), weights);
  expect_derivative(*group_norm(0, 1, 2), random({3, 4, 2, 2}), weights);
}

TEST(batch_norm, statistics_move_as_pytorchs) {
  torch::manual_seed(1);
  torch::nn::BatchNorm2d module(4);
  auto const images = at::randn({3, 4, 5, 5}) * 2 + 1;
  Weights const weights{{at::ones({4}), at::zeros({4})}, {at::zeros({4}), at::ones({4})}};
  auto const operation = batch_norm(0, 1, 0, 1);
  for (int step = 0; step < 3; ++step) {
    Saved saved;
    auto const out = operation->forward({images, {}}, weights, saved).main;
    EXPECT_LT(largest_difference(out, module(images)), 1e-6);
  }
  EXPECT_LT(largest_difference(weights.buffers[0], module->running_mean), 1e-6);
  EXPECT_LT(largest_difference(weights.buffers[1], module->running_var), 1e-6);
  module->eval();
  EXPECT_LT(largest_difference(operation->evaluate({images, {}}, weights).main, module(images)),
            1e-6);
}

TEST(dropout, drops_in_training_only) {
  auto const operation = dropout(0.25);
  auto const ones = at::ones({100, 100});
  EXPECT_TRUE(at::equal(operation->evaluate({ones, {}}, {}).main, ones));
  torch::manual_seed(2);
  Saved saved;
  auto const out = operation->forward({ones, {}}, {}, saved).main;
  EXPECT_NEAR(out.eq(0).to(at::kDouble).mean().item<double>(), 0.25, 0.02);
  EXPECT_NEAR(out.max().item<double>(), 1 / 0.75, 1e-6);
  EXPECT_TRUE(at::equal(operation->backward({ones, {}}, {}, {}, saved, false).main, out));
  torch::manual_seed(2);
  EXPECT_TRUE(at::equal(operation->forward({ones, {}}, {}, saved).main, out));
}

TEST(residual, gradients_of_both_paths_add_up) {
  Saved saved;
  auto const x = at::randn({2, 3});
  auto const saved_state = save_skip()->forward({x, {}}, {}, saved);
  auto const sum = add_skip()->forward({saved_state.main * 3, saved_state.skip}, {}, saved);
  EXPECT_TRUE(at::allclose(sum.main, 4 * x));
  auto gradient = add_skip()->backward({at::ones({2, 3}), {}}, {}, {}, saved, false);
  gradient.main = gradient.main * 3;
  EXPECT_TRUE(
      at::equal(save_skip()->backward(gradient, {}, {}, saved, false).main, at::full({2, 3}, 4.0)));
}

TEST(residual, stacks_of_batches_meet_one_batch) {
  auto const stack = at::randn({6, 3, 2, 2}), one = at::randn({2, 3, 2, 2});
  auto const expected = stack + at::cat({one, one, one});
  EXPECT_TRUE(at::equal(add_skip()->evaluate({stack, one}, {}).main, expected));
  EXPECT_TRUE(at::equal(add_skip()->evaluate({one, stack}, {}).main, expected));
}

TEST(evaluation, leaves_its_input_alone) {
  auto const x = at::randn({2, 3, 4, 4});
  auto const copy = x.clone();
  Weights const weights{{at::randn({3}), at::randn({3})}, {at::zeros({3}), at::ones({3})}};
  std::vector<OperationPtr> operations;
  operations.push_back(relu());
  operations.push_back(max_pool({2, 2, 0}));
  operations.push_back(batch_norm(0, 1, 0, 1));
  operations.push_back(group_norm(0, 1, 3));
  operations.push_back(add_skip());
  for (auto const& operation : operations) operation->evaluate({x, x}, weights);
  EXPECT_TRUE(at::equal(x, copy));
}

TEST(accumulate, scales_both_sides) {
  auto const into = at::tensor({1.0F, 2.0F}), gradient = at::tensor({10.0F, 20.0F});
  accumulate(into, gradient, {{}, 0.5, 2.0});
  EXPECT_TRUE(at::equal(into, at::tensor({20.5F, 41.0F})));
  accumulate(into, gradient, {{}, 1.0, -1.0});
  EXPECT_TRUE(at::equal(into, at::tensor({10.5F, 21.0F})));
  into.fill_(std::nan(""));
  accumulate(into, gradient, {{}, 0.0, 0.5});
  EXPECT_TRUE(at::equal(into, at::tensor({5.0F, 10.0F})));
}

}  // namespace
}  // namespace fedstrata
