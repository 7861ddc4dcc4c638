#include "server/barrier_engine.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "common/zoo/zoo.hpp"
#include "server/work_count.hpp"
#include "tests/plain_evaluator.hpp"

namespace fedstrata {
namespace {

InputShape const kGrey{1, 28, 28, 10};
InputShape const kColour{3, 32, 32, 10};

at::Tensor images(InputShape const& shape, std::int64_t count) {
  auto const generator = at::detail::createCPUGenerator(5);
  return at::randn({count, shape.channels, shape.height, shape.width}, generator);
}

at::Tensor labels(std::int64_t count) { return at::arange(count, at::kLong).mul(7).remainder(10); }

BatchLoader loader(at::Tensor const& inputs, at::Tensor const& targets) {
  return [=](std::int64_t first, std::int64_t count) {
    return EvaluationBatch{inputs.narrow(0, first, count), targets.narrow(0, first, count)};
  };
}

void expect_same(LossSums const& sums, PlainEvaluator::Result const& plain, std::int64_t samples,
                 std::string const& where) {
  auto const n = static_cast<double>(samples);
  EXPECT_NEAR(sums.loss / n, plain.loss / n, 1e-5 * std::max(1.0, plain.loss / n)) << where;
  EXPECT_LE(std::abs(sums.errors - plain.errors), plain.ties) << where;
}

// --- The staged engine against the plain evaluator ---------------------------------------------

struct Case {
  std::string name;
  ModelConfig model;
  InputShape input;
  std::int64_t samples;
  std::int64_t memory;
};

class StagedEngine : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { at::set_num_threads(1); }
};

TEST_P(StagedEngine, equals_the_plain_evaluator) {
  auto const& [name, config, input, samples, memory] = GetParam();
  auto const model = make_model(config, input);
  auto const inputs = images(input, samples);
  PlainEvaluator const plain(model, inputs, labels(samples));
  auto const a = make_host_model(model, 0);
  auto const b = make_host_model(model, 1);
  BarrierEngine const engine(model, {2, memory, Loss::cross_entropy});
  std::vector<double> const steps{0.3, 0.5, 1.0};
  std::vector<LayerPaths> const paths{{load(model, b), steps}};
  auto const load_batch = loader(inputs, labels(samples));
  auto const sums = engine.sweep(load(model, a), paths, {0, samples}, load_batch, {});

  expect_same(sums.base, plain.evaluate(a), samples, "base");
  auto const& layers = model.table().layers;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (layers.size() > 10 && l % steps.size() != i) continue;  // deep: the steps take turns
      auto const mixed = plain.mix(a, b, steps[i], static_cast<int>(l));
      expect_same(sums.paths[0][l * steps.size() + i], plain.evaluate(mixed), samples,
                  layers[l].name + " at " + std::to_string(steps[i]));
    }
  }
  auto const full =
      engine.full_path(load(model, a), load(model, b), steps, {0, samples}, load_batch, {});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    expect_same(full[i], plain.evaluate(plain.mix(a, b, steps[i], -1)), samples, "full");
  }
}

ModelConfig named(std::string const& name, Norm norm = Norm::none) {
  ModelConfig config;
  config.name = name;
  config.norm = norm;
  return config;
}

constexpr auto kPlenty = std::int64_t{1} << 30;
InputShape const kSmall{3, 16, 16, 10};

// Batches of 2: one model with a remainder, one without, one smaller than a batch.
INSTANTIATE_TEST_SUITE_P(
    zoo, StagedEngine,
    testing::Values(Case{"mlp", named("mlp"), kGrey, 7, kPlenty},
                    Case{"mlp_single_stacks", named("mlp"), kGrey, 4, 1},
                    Case{"cnn", named("cnn"), kGrey, 5, kPlenty},
                    Case{"lenet5", named("lenet5"), kGrey, 5, kPlenty},
                    Case{"lenet5_single_stacks", named("lenet5"), kGrey, 4, 1},
                    Case{"vgg11", named("vgg11-cifar"), kColour, 3, kPlenty},
                    Case{"resnet18", named("resnet18"), kSmall, 3, kPlenty},
                    Case{"resnet18_single_stacks", named("resnet18"), kSmall, 1, 1},
                    Case{"resnet18_batch", named("resnet18", Norm::batch), kSmall, 3, kPlenty},
                    Case{"resnet18_group", named("resnet18", Norm::group), kSmall, 3, kPlenty}),
    [](auto const& instance) { return instance.param.name; });

// --- Closed forms ------------------------------------------------------------------------------

/// f(x) = w_L ... w_1 x without biases, squared loss against `targets`.
struct DeepLinear {
  Model model;
  at::Tensor inputs;
  at::Tensor targets;
  BarrierEngine engine{model, {64, kPlenty, Loss::squared}};

  Weights weights(std::vector<float> const& row) const {
    return model.view(torch::tensor(row), torch::empty({0}));
  }
  double at(std::vector<float> const& base, std::vector<float> const& partner, std::size_t layer,
            double step) const {
    std::vector<LayerPaths> const paths{{weights(partner), {step}}};
    SampleRange const range{0, inputs.size(0)};
    return engine.sweep(weights(base), paths, range, loader(inputs, targets), {})
        .paths[0][layer]
        .loss;
  }
  double full(std::vector<float> const& a, std::vector<float> const& b, double alpha) const {
    std::vector<double> const alphas{alpha};
    SampleRange const range{0, inputs.size(0)};
    return engine.full_path(weights(a), weights(b), alphas, range, loader(inputs, targets), {})[0]
        .loss;
  }
};

DeepLinear deep_linear(std::vector<std::int64_t> const& hidden, std::int64_t inputs,
                       std::int64_t outputs, std::int64_t samples) {
  InputShape const shape{1, 1, inputs, outputs};
  auto const generator = at::detail::createCPUGenerator(3);
  return {make_mlp(hidden, Activation::identity, false, shape), images(shape, samples),
          at::randn({samples, outputs}, generator)};
}

TEST(barrier_engine, minimal_example_has_its_closed_form) {
  std::vector<std::int64_t> const hidden{1};
  DeepLinear const net{make_mlp(hidden, Activation::identity, false, {1, 1, 1, 1}),
                       at::ones({1, 1, 1, 1}), at::ones({1, 1})};
  for (auto const& [p, q] : std::vector<std::pair<double, double>>{{1, 4}, {1, -1}, {1, 1.5}}) {
    auto const row = [](double w) {
      return std::vector{static_cast<float>(w), static_cast<float>(1.0 / w)};
    };
    for (double const t : {0.1, 0.5, 0.8, 1.0}) {
      auto const near = [](double expected) { return 1e-6 * std::max(1.0, expected); };
      double const full = std::pow(t * (1 - t) * (p - q) * (p - q) / (p * q), 2);
      double const first = std::pow(t * (q - p) / p, 2);
      double const second = std::pow(t * (p - q) / q, 2);
      EXPECT_NEAR(net.full(row(p), row(q), t), full, near(full));
      EXPECT_NEAR(net.at(row(p), row(q), 0, t), first, near(first));
      EXPECT_NEAR(net.at(row(p), row(q), 1, t), second, near(second));
      EXPECT_NEAR(net.at(row(q), row(p), 0, t), second, near(second)) << "the two swap";
      EXPECT_NEAR(net.at(row(q), row(p), 1, t), first, near(first));
    }
  }
}

TEST(barrier_engine, linear_regression_has_the_quadratic_midpoint_and_one_layer_is_the_whole) {
  auto const net = deep_linear({}, 6, 1, 20);
  std::vector<float> const a{.3f, -1.2f, .7f, .1f, 2.f, -.4f};
  std::vector<float> const b{1.f, .2f, -.6f, .9f, -.3f, .8f};
  auto const d = (torch::tensor(b) - torch::tensor(a)).to(torch::kDouble);
  auto const x = net.inputs.reshape({20, 6}).to(torch::kDouble);
  double const quarter = torch::mv(x, d).pow(2).sum().item<double>() / 4;  // d^T H d / 8, H = 2 x'x
  double const mid = net.full(a, b, .5) - (net.full(a, b, 0.) + net.full(a, b, 1.)) / 2;
  EXPECT_NEAR(mid, -quarter, 1e-6 * net.full(a, b, 1.));
  EXPECT_NEAR(net.at(a, b, 0, .5), net.full(a, b, .5), 1e-6 * net.full(a, b, .5));
}

TEST(barrier_engine, single_layer_paths_of_a_deep_linear_network_are_convex) {
  auto const net = deep_linear({8, 8}, 6, 3, 30);
  auto const a = make_host_model(net.model, 0).row;
  auto const b = make_host_model(net.model, 1).row;
  for (std::size_t layer = 0; layer < 3; ++layer) {
    std::vector<double> phi;
    for (int i = 1; i <= 10; ++i) phi.push_back(net.at(a, b, layer, i / 10.0));
    double const largest = *std::max_element(phi.begin(), phi.end());
    for (std::size_t i = 1; i + 1 < phi.size(); ++i) {
      EXPECT_GE(phi[i - 1] - 2 * phi[i] + phi[i + 1], -1e-6 * largest) << layer;
    }
  }
}

TEST(barrier_engine, rescaled_relu_copy_scales_the_function_at_the_midpoint) {
  std::vector<std::int64_t> const hidden{16};
  InputShape const shape{1, 1, 6, 3};
  auto const model = make_mlp(hidden, Activation::relu, false, shape);
  auto const a = make_host_model(model, 0);
  constexpr float kScale = 4.0f;
  auto b = a;
  auto const first = static_cast<std::size_t>(model.table().layers[0].parameters.size);
  for (std::size_t i = 0; i < b.row.size(); ++i) b.row[i] *= i < first ? kScale : 1 / kScale;
  auto const inputs = images(shape, 9);
  auto const targets = at::zeros({9, 3});
  BarrierEngine const engine(model, {4, kPlenty, Loss::squared});
  std::vector<double> const alphas{0.0, 0.5, 1.0};
  auto const sums =
      engine.full_path(load(model, a), load(model, b), alphas, {0, 9}, loader(inputs, targets), {});
  double const factor = (1 + kScale) * (1 + kScale) / (4 * kScale);
  EXPECT_NEAR(sums[2].loss, sums[0].loss, 1e-6 * sums[0].loss);
  EXPECT_NEAR(sums[1].loss, factor * factor * sums[0].loss, 1e-6 * sums[1].loss);
}

TEST(barrier_engine, a_permuted_copy_has_a_barrier_and_an_aligned_one_none) {
  std::vector<std::int64_t> const hidden{32};
  InputShape const shape{1, 1, 8, 4};
  auto const model = make_mlp(hidden, Activation::relu, false, shape);
  auto const a = load(model, make_host_model(model, 0));
  auto const order = at::arange(31, -1, -1, at::kLong);
  Weights const b{{a.parameters[0].index_select(0, order), a.parameters[1].index_select(1, order)},
                  {}};
  Weights const aligned{
      {b.parameters[0].index_select(0, order), b.parameters[1].index_select(1, order)}, {}};
  auto const inputs = images(shape, 50);
  auto const answers = model.evaluate(inputs, a).argmax(1);
  BarrierEngine const engine(model, {16, kPlenty, Loss::cross_entropy});
  std::vector<double> const alphas{0.0, 0.5, 1.0};
  auto const path = [&](Weights const& to) {
    return engine.full_path(a, to, alphas, {0, 50}, loader(inputs, answers), {});
  };
  auto const permuted = path(b);
  EXPECT_NEAR(permuted[2].loss, permuted[0].loss, 1e-5 * permuted[0].loss);
  EXPECT_GT(permuted[1].loss, 1.01 * permuted[0].loss);
  EXPECT_EQ(path(aligned)[1].loss, permuted[0].loss);
}

TEST(barrier_engine, logits_that_cancel_cost_the_chance_level) {
  auto const model = make_model(named("mlp"), kGrey);
  auto const a = make_host_model(model, 0);
  auto b = a;
  auto const head = model.table().layers.back().parameters;
  for (auto i = head.offset; i < head.offset + head.size; ++i) {
    b.row[static_cast<std::size_t>(i)] *= -1.0f;
  }
  BarrierEngine const engine(model, {4, kPlenty, Loss::cross_entropy});
  std::vector<LayerPaths> const paths{{load(model, b), {0.5}}};
  auto const sums =
      engine.sweep(load(model, a), paths, {0, 6}, loader(images(kGrey, 6), labels(6)), {});
  EXPECT_NEAR(sums.paths[0].back().loss, 6 * std::log(10.0), 1e-6);
}

// --- What the engine promises ------------------------------------------------------------------

TEST(barrier_engine, equal_layers_have_exactly_the_sums_of_the_base) {
  auto const model = make_model(named("cnn"), kGrey);
  auto const a = make_host_model(model, 0);
  auto b = make_host_model(model, 1);
  auto const same = model.table().layers[1].parameters;
  std::copy_n(a.row.begin() + same.offset, same.size, b.row.begin() + same.offset);
  BarrierEngine const engine(model, {3, kPlenty, Loss::cross_entropy});
  std::vector<LayerPaths> const paths{{load(model, b), {0.5, 1.0}}};
  auto const sums =
      engine.sweep(load(model, a), paths, {0, 4}, loader(images(kGrey, 4), labels(4)), {});
  EXPECT_EQ(sums.paths[0][2].loss, sums.base.loss);
  EXPECT_EQ(sums.paths[0][3].loss, sums.base.loss);
  EXPECT_NE(sums.paths[0][0].loss, sums.base.loss);
}

TEST(barrier_engine, partners_do_not_influence_each_other) {
  auto const model = make_model(named("lenet5"), kGrey);
  auto const base = load(model, make_host_model(model, 0));
  std::vector<LayerPaths> const both{{load(model, make_host_model(model, 1)), {0.5, 1.0}},
                                     {load(model, make_host_model(model, 2)), {0.25, 1.0}}};
  BarrierEngine const engine(model, {4, kPlenty, Loss::cross_entropy});
  auto const load_batch = loader(images(kGrey, 6), labels(6));
  auto const together = engine.sweep(base, both, {0, 6}, load_batch, {});
  for (std::size_t p = 0; p < both.size(); ++p) {
    auto const alone = engine.sweep(base, std::span(both).subspan(p, 1), {0, 6}, load_batch, {});
    for (std::size_t i = 0; i < alone.paths[0].size(); ++i) {
      EXPECT_EQ(together.paths[p][i].loss, alone.paths[0][i].loss);
    }
  }
}

TEST(barrier_engine, messages_can_be_served_between_evaluations) {
  auto const model = make_model(named("mlp"), kGrey);
  auto const base = load(model, make_host_model(model, 0));
  std::vector<LayerPaths> const paths{{load(model, make_host_model(model, 1)), {0.5, 1.0}}};
  BarrierEngine const engine(model, {4, kPlenty, Loss::cross_entropy});
  int calls = 0;
  engine.sweep(base, paths, {0, 8}, loader(images(kGrey, 8), labels(8)), [&] { ++calls; });
  EXPECT_EQ(calls, 2 * (3 + 1));
}

TEST(barrier_engine, needs_far_fewer_multiply_adds_than_whole_evaluations) {
  auto const resnet = multiply_adds(make_model(named("resnet18"), kColour), kColour, 3);
  EXPECT_NEAR(resnet.plain / (3 + 6 * 21), 555e6, 2e6);
  EXPECT_GT(resnet.plain / resnet.staged, 2.5);
  auto const mlp = multiply_adds(make_model(named("mlp"), kGrey), kGrey, 3);
  EXPECT_GT(mlp.plain / mlp.staged, 3.5);
}

}  // namespace
}  // namespace fedstrata
