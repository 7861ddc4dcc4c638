#include "common/model/operations/operations.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

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

/// Expects an operation's output and gradients, by its floating-point inputs (the main path, then
/// the other slots) and its parameters, to be those of autograd through `function` of both lists.
template <class Function>
void expect_autograd(Operation const& operation, Frame const& input, Weights const& weights,
                     Function const& function) {
  auto const leaf = [](at::Tensor const& t) {
    return t.is_floating_point() ? t.clone().requires_grad_() : t;
  };
  std::vector<at::Tensor> inputs{leaf(input.main)}, parameters;
  for (auto const& other : input.others) inputs.push_back(leaf(other));
  GradientTarget target;
  for (auto const& p : weights.parameters) {
    parameters.push_back(leaf(p));
    target.into.parameters.push_back(at::full_like(p, std::nan("")));
  }
  auto const expected = function(inputs, parameters);
  Saved saved;
  auto const output = operation.forward(input, weights, saved).main;
  EXPECT_LT(largest_difference(output, expected), 1e-10);
  EXPECT_TRUE(at::equal(operation.evaluate(input, weights).main, output));

  auto const upstream = at::randn_like(output);
  (expected * upstream).sum().backward();
  auto gradient = operation.backward({upstream.clone()}, weights, target, saved, false);
  for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
    if (!inputs[slot].is_floating_point()) continue;
    EXPECT_LT(largest_difference(gradient[slot], inputs[slot].grad()), 1e-10) << "slot " << slot;
  }
  for (std::size_t i = 0; i < parameters.size(); ++i)
    EXPECT_LT(largest_difference(target.into.parameters[i], parameters[i].grad()), 1e-10) << i;
}

at::Tensor random(std::vector<std::int64_t> const& shape) { return at::randn(shape, at::kDouble); }

class Derivative : public testing::Test {
 protected:
  void SetUp() override { at::manual_seed(5); }
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

using Tensors = std::vector<at::Tensor>;

TEST_F(Derivative, layer_norm) {
  Weights const weights{{random({6}), random({6})}, {}};
  auto const normalised = [](Tensors const& x, Tensors const& p) {
    return at::layer_norm(x[0], {6}, p[0], p[1]);
  };
  expect_autograd(*layer_norm(0, 1), {random({3, 6})}, weights, normalised);
  expect_autograd(*layer_norm(0, 1), {random({2, 4, 6})}, weights, normalised);
  expect_autograd(*layer_norm(0, 1), {random({4, 2, 6}).transpose(0, 1)}, weights, normalised);
}

TEST_F(Derivative, gelu) {
  for (auto const& [form, name] : {std::pair{GeluForm::exact, "none"}, {GeluForm::tanh, "tanh"}})
    expect_autograd(*gelu(form), {3 * random({4, 5})}, {},
                    [name = name](Tensors const& x, auto&) { return at::gelu(x[0], name); });
}

TEST_F(Derivative, sequences) {
  expect_autograd(*linear(0, 1), {random({3, 5, 4})}, {{random({6, 4}), random({6})}, {}},
                  [](Tensors const& x, Tensors const& p) { return at::linear(x[0], p[0], p[1]); });
  expect_autograd(*global_average_pool(), {random({3, 5, 4})}, {},
                  [](Tensors const& x, auto&) { return x[0].mean(1); });
  expect_autograd(*positions(0), {random({3, 5, 4})}, {{random({5, 4})}, {}},
                  [](Tensors const& x, Tensors const& p) { return x[0] + p[0]; });
}

TEST_F(Derivative, embedding) {
  expect_autograd(*embedding(0), {at::randint(5, {3, 7}, at::kLong)}, {{random({5, 4})}, {}},
                  [](Tensors const& x, Tensors const& p) { return at::embedding(p[0], x[0]); });
}

TEST_F(Derivative, attention) {
  for (bool const causal : {false, true}) {
    auto const attended = [causal](Tensors const& x, auto&) {
      auto const heads = [](at::Tensor const& t) { return t.unflatten(2, {2, 3}).transpose(1, 2); };
      auto scores = at::matmul(heads(x[1]), heads(x[2]).transpose(2, 3)) / std::sqrt(3.0);
      if (causal) scores = scores + at::full({5, 5}, -1e300, at::kDouble).triu(1);
      return at::matmul(at::softmax(scores, -1), heads(x[0])).transpose(1, 2).flatten(2);
    };
    Frame const input{random({4, 5, 6}), {random({4, 5, 6}), random({4, 5, 6})}};
    expect_autograd(*attention(1, 2, 2, causal), input, {}, attended);
  }
}

TEST_F(Derivative, on_another_slot) {
  Frame const input{random({3, 2}), {random({3, 4})}};
  Weights const weights{{random({5, 4}), random({5})}, {}};
  auto const operation = on_slot(1, linear(0, 1));
  auto out = operation->evaluate(input, weights);
  EXPECT_TRUE(at::equal(out.main, input.main));
  EXPECT_TRUE(at::equal(out[1], linear(0, 1)->evaluate({input.others[0]}, weights).main));
  EXPECT_EQ(operation->multiply_adds(out, weights), 3 * 5 * 4);
}

TEST(embedding, scales_and_adds_like_every_gradient) {
  auto const operation = embedding(0);
  auto const tokens = at::tensor({1, 1, 2}, at::kLong).view({1, 3});
  Weights const weights{{at::zeros({3, 2})}, {}};
  for (auto const& [beta, alpha] : {std::pair{0.0, 1.0}, {1.0, -0.5}, {0.5, 2.0}}) {
    Saved saved;
    operation->forward({tokens}, weights, saved);
    auto const into = at::ones({3, 2});
    operation->backward({at::ones({1, 3, 2})}, weights, {{{into}, {}}, beta, alpha}, saved, true);
    auto const counts = at::tensor({0.0F, 2.0F, 1.0F}).view({3, 1});
    EXPECT_LT(largest_difference(into, beta + alpha * counts.expand({3, 2})), 1e-6);
  }
}

TEST(attention, batches_of_queries_meet_stacks_of_keys_and_values) {
  auto const q = at::randn({2, 3, 4}), k = at::randn({4, 3, 4}), v = at::randn({12, 3, 4});
  auto const operation = attention(1, 2, 2, true);
  auto const out = operation->evaluate({v, {q, k}}, {}).main;
  auto const whole = operation->evaluate({v, {q.repeat({6, 1, 1}), k.repeat({3, 1, 1})}}, {}).main;
  EXPECT_TRUE(at::equal(out, whole));
}

TEST(attention, of_many_long_sequences_is_evaluated_block_by_block) {
  auto const random = [] { return at::randn({60, 300, 4}); };
  Frame const input{random(), {random(), random()}};
  auto const operation = attention(1, 2, 2, true);
  Saved saved;
  EXPECT_TRUE(
      at::equal(operation->evaluate(input, {}).main, operation->forward(input, {}, saved).main));
}

TEST(batch_norm, statistics_move_as_pytorchs) {
  at::manual_seed(1);
  auto const mean = at::zeros({4}), variance = at::ones({4});
  auto const images = at::randn({3, 4, 5, 5}) * 2 + 1;
  Weights const weights{{at::ones({4}), at::zeros({4})}, {at::zeros({4}), at::ones({4})}};
  auto const operation = batch_norm(0, 1, 0, 1);
  for (int step = 0; step < 3; ++step) {
    Saved saved;
    auto const out = operation->forward({images, {}}, weights, saved).main;
    auto const expected = at::batch_norm(images, {}, {}, mean, variance, true, 0.1, 1e-5, false);
    EXPECT_LT(largest_difference(out, expected), 1e-6);
  }
  EXPECT_LT(largest_difference(weights.buffers[0], mean), 1e-6);
  EXPECT_LT(largest_difference(weights.buffers[1], variance), 1e-6);
  EXPECT_LT(
      largest_difference(operation->evaluate({images, {}}, weights).main,
                         at::batch_norm(images, {}, {}, mean, variance, false, 0.1, 1e-5, false)),
      1e-6);
}

TEST(dropout, drops_in_training_only) {
  auto const operation = dropout(0.25);
  auto const ones = at::ones({100, 100});
  EXPECT_TRUE(at::equal(operation->evaluate({ones, {}}, {}).main, ones));
  at::manual_seed(2);
  Saved saved;
  auto const out = operation->forward({ones, {}}, {}, saved).main;
  EXPECT_NEAR(out.eq(0).to(at::kDouble).mean().item<double>(), 0.25, 0.02);
  EXPECT_NEAR(out.max().item<double>(), 1 / 0.75, 1e-6);
  EXPECT_TRUE(at::equal(operation->backward({ones, {}}, {}, {}, saved, false).main, out));
  at::manual_seed(2);
  EXPECT_TRUE(at::equal(operation->forward({ones, {}}, {}, saved).main, out));
}

TEST(residual, gradients_of_both_paths_add_up) {
  Saved saved;
  auto const x = at::randn({2, 3});
  auto const kept = save(1)->forward({x}, {}, saved);
  auto const sum = add(1)->forward({kept.main * 3, kept.others}, {}, saved);
  EXPECT_TRUE(at::allclose(sum.main, 4 * x));
  auto gradient = add(1)->backward({at::ones({2, 3})}, {}, {}, saved, false);
  gradient.main = gradient.main * 3;
  EXPECT_TRUE(
      at::equal(save(1)->backward(gradient, {}, {}, saved, false).main, at::full({2, 3}, 4.0)));
}

TEST(residual, stacks_of_batches_meet_one_batch) {
  auto const stack = at::randn({6, 3, 2, 2}), one = at::randn({2, 3, 2, 2});
  auto const expected = stack + at::cat({one, one, one});
  EXPECT_TRUE(at::equal(add(1)->evaluate({stack, {one}}, {}).main, expected));
  EXPECT_TRUE(at::equal(add(1)->evaluate({one, {stack}}, {}).main, expected));
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
  operations.push_back(gelu());
  operations.push_back(add(1));
  for (auto const& operation : operations) operation->evaluate({x, {x}}, weights);
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
