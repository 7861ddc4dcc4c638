#include "server/engine/barrier_engine.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "common/model/zoo/zoo.hpp"
#include "common/tasks/tasks.hpp"
#include "server/plan/curve.hpp"
#include "tests/support/plain_points.hpp"
#include "tests/support/tiny_transformer.hpp"

namespace fedstrata {
namespace {

InputShape const kGrey{{1, 28, 28}, 10};
InputShape const kColour{{3, 32, 32}, 10};
constexpr auto kPlenty = std::int64_t{1} << 30;

at::Tensor images(InputShape const& shape, std::int64_t count) {
  auto const generator = at::detail::createCPUGenerator(5);
  return at::randn(shape.batch(count), generator);
}

at::Tensor labels(std::int64_t count) { return at::arange(count, at::kLong).mul(7).remainder(10); }

BatchLoader loader(at::Tensor const& inputs, at::Tensor const& targets) {
  return [=](std::int64_t first, std::int64_t count) {
    return Batch{inputs.narrow(0, first, count), targets.narrow(0, first, count)};
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

std::vector<int> layers_from(std::size_t first, std::size_t last) {
  std::vector<int> layers;
  for (auto l = first; l < last; ++l) layers.push_back(static_cast<int>(l));
  return layers;
}

/// Points of every kind of path between two models, and of lines to a third.
PointSet points_of_kinds(LayerTable const& table) {
  PointSet points;
  auto const layers = table.layers.size();
  std::vector<double> const steps{0.3, 0.5, 1.0};
  auto const add = [&](std::vector<int> const& target, int rest, double alpha, int b = 1) {
    place(table, points, {0, b, target, rest}, alpha, false);
  };
  auto const every = std::max<std::size_t>(1, layers / 7);  // deep: some layers
  for (double const step : steps) add(layers_from(0, layers), -1, step);
  for (std::size_t l = 0; l < layers; ++l) {
    double const step = steps[l % steps.size()];
    add({static_cast<int>(l)}, 0, step);
    if (l % every != 0) continue;
    add({static_cast<int>(l)}, 1, 1.0 - step);
    add(layers_from(0, l + 1), 0, step);    // cumulative, shallow
    add(layers_from(l, layers), 1, 0.5);    // cumulative, deep
    add({static_cast<int>(l)}, 0, 0.5, 2);  // another partner
    auto others = layers_from(0, layers);   // complement
    std::erase(others, static_cast<int>(l));
    if (!others.empty()) add(others, 0, 0.5);
    if (l + 2 < layers) add({static_cast<int>(l), static_cast<int>(l + 2)}, 0, step);
  }
  return points;
}

void expect_equals_plain(Model const& model, at::Tensor const& inputs, std::int64_t memory,
                         std::string const& name) {
  auto const samples = inputs.size(0);
  PlainEvaluator const plain(model, inputs, labels(samples));
  std::vector<HostModel> hosts;
  std::vector<Weights> weights;
  for (std::uint64_t client : {0u, 1u, 2u}) {
    hosts.push_back(make_host_model(model, client));
    weights.push_back(load(model, hosts.back()));
  }
  BarrierEngine const engine(model, classification_task(), at::zeros_like(inputs.narrow(0, 0, 1)),
                             {2, memory, {}});
  auto const points = points_of_kinds(model.table());
  auto const sums =
      engine_sums(engine, model, weights, points, samples, loader(inputs, labels(samples)));
  for (std::size_t i = 0; i < points.size(); ++i) {
    auto const host = assemble(model.table(), hosts, points, static_cast<int>(i));
    expect_same(sums[i], plain.evaluate(host), samples, name + " point " + std::to_string(i));
  }
}

TEST_P(StagedEngine, equals_the_plain_evaluator) {
  auto const& [name, config, input, samples, memory] = GetParam();
  expect_equals_plain(make_model(config, input), images(input, samples), memory, name);
}

TEST(staged_engine, equals_the_plain_evaluator_on_a_transformer) {
  at::set_num_threads(1);
  TinyTransformer const sizes;
  auto const model = make_transformer(sizes);
  expect_equals_plain(model, random_tokens(sizes, 5), kPlenty, "stacks");
  expect_equals_plain(model, random_tokens(sizes, 3), 1, "single stacks");
}

TEST(staged_engine, counts_the_products_of_a_transformer) {
  TinyTransformer const sizes{.vocabulary = 7, .tokens = 5, .width = 4, .heads = 2, .blocks = 1};
  auto const model = make_transformer(sizes);
  for (int const samples : {1, 2, 3}) {
    BarrierEngine const engine(model, classification_task(), random_tokens(sizes, samples), {});
    double sum = 0.0;
    for (auto const& stage : engine.stages()) sum += stage.cost + stage.tail_cost;
    // Per token: four projections, two layers of four times the width; attention; the classes.
    EXPECT_EQ(sum, 5 * (4 * 16 + 2 * 64) + 2 * 5 * 5 * 4 + 4 * 10) << samples;
    PointSet points;
    place(model.table(), points, {0, 1, layers_from(0, model.table().layers.size()), -1}, 0.0,
          false);
    EXPECT_EQ(build_tree(points, std::vector{0}, engine.stages()).multiply_adds(engine.stages()),
              sum);
  }
}

ModelConfig named(std::string const& name, Norm norm = Norm::none) {
  ModelConfig config;
  config.name = name;
  config.norm = norm;
  return config;
}

InputShape const kSmall{{3, 16, 16}, 10};

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

/// A batch normalisation without running statistics.
class BatchStatistics : public Operation {
 public:
  Frame evaluate(Frame in, Weights const&) const override {
    in.main = at::batch_norm(in.main.flatten(1), {}, {}, {}, {}, true, 0.1, 1e-5, false);
    return in;
  }
  Frame forward(Frame in, Weights const& weights, Saved&) const override {
    return evaluate(std::move(in), weights);
  }
  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved&,
                 bool) const override {
    return gradient;
  }
};

TEST(staged_engine, counts_a_network_that_needs_several_samples) {
  std::vector<Stage> stages(1);
  stages[0].head = std::make_unique<BatchStatistics>();
  Model const model("batch-statistics", {}, std::move(stages), {}, {});
  BarrierEngine const engine(model, classification_task(), InputShape{{4}, 4}, {});
  EXPECT_EQ(engine.stages().size(), 1u);
}

// --- Closed forms ------------------------------------------------------------------------------

/// f(x) = w_L ... w_1 x without biases, the product's own regression against `targets`.
struct DeepLinear {
  Model model;
  at::Tensor inputs;
  at::Tensor targets;

  Weights weights(std::vector<float> const& row) const {
    return model.view(torch::tensor(row), torch::empty({0}));
  }
  double loss(std::vector<float> const& a, std::vector<float> const& b, Path const& path,
              double alpha) const {
    InputShape const shape{{inputs.size(1)}, targets.size(1)};
    BarrierEngine const engine(model, regression_task(), shape, {64, kPlenty, {}});
    PointSet points;
    place(model.table(), points, path, alpha, false);
    return engine_sums(engine, model, {weights(a), weights(b)}, points, inputs.size(0),
                       loader(inputs, targets))[0]
        .loss;
  }
  double at(std::vector<float> const& base, std::vector<float> const& partner, std::size_t layer,
            double step) const {
    return loss(base, partner, {0, 1, {static_cast<int>(layer)}, 0}, step);
  }
  double full(std::vector<float> const& a, std::vector<float> const& b, double alpha) const {
    return loss(a, b, {0, 1, layers_from(0, model.table().layers.size()), -1}, alpha);
  }
};

/// Loss sums at alphas of the full path.
std::vector<LossSums> full_path(Model const& model, Task const& task, InputShape const& shape,
                                EngineSettings const& settings, Weights const& a, Weights const& b,
                                std::vector<double> const& alphas, std::int64_t count,
                                BatchLoader const& load_batch) {
  BarrierEngine const engine(model, task, shape, settings);
  PointSet points;
  std::vector<LossSums> sums;
  std::vector<int> index;
  for (double const alpha : alphas) {
    index.push_back(place(model.table(), points,
                          {0, 1, layers_from(0, model.table().layers.size()), -1}, alpha, false));
  }
  auto const all = engine_sums(engine, model, {a, b}, points, count, load_batch);
  for (int const i : index) sums.push_back(all[static_cast<std::size_t>(i)]);
  return sums;
}

DeepLinear deep_linear(std::vector<std::int64_t> const& hidden, std::int64_t inputs,
                       std::int64_t outputs, std::int64_t samples) {
  InputShape const shape{{inputs}, outputs};
  auto const generator = at::detail::createCPUGenerator(3);
  return {make_mlp(hidden, Activation::identity, false, shape), images(shape, samples),
          at::randn({samples, outputs}, generator)};
}

TEST(barrier_engine, minimal_example_has_its_closed_form) {
  std::vector<std::int64_t> const hidden{1};
  DeepLinear const net{make_mlp(hidden, Activation::identity, false, {{1}, 1}), at::ones({1, 1}),
                       at::ones({1, 1})};
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

TEST(barrier_engine, two_layers_together_need_not_be_convex) {
  DeepLinear const net{
      make_mlp(std::vector<std::int64_t>{1}, Activation::identity, false, {{1}, 1}),
      at::ones({1, 1}), at::ones({1, 1})};
  auto const at = [&](double alpha) { return net.full({1.0f, 1.0f}, {4.0f, 0.25f}, alpha); };
  EXPECT_LT(at(0.4) - 2 * at(0.5) + at(0.6), -1e-2 * at(0.5));
}

TEST(barrier_engine, rescaled_relu_copy_scales_the_function_at_the_midpoint) {
  std::vector<std::int64_t> const hidden{16};
  InputShape const shape{{6}, 3};
  auto const model = make_mlp(hidden, Activation::relu, false, shape);
  auto const a = make_host_model(model, 0);
  constexpr float kScale = 4.0f;
  auto b = a;
  auto const first = static_cast<std::size_t>(model.table().layers[0].parameters.size);
  for (std::size_t i = 0; i < b.row.size(); ++i) b.row[i] *= i < first ? kScale : 1 / kScale;
  auto const inputs = images(shape, 9);
  auto const targets = at::zeros({9, 3});
  auto const sums = full_path(model, regression_task(), shape, {4, kPlenty, {}}, load(model, a),
                              load(model, b), {0.0, 0.5, 1.0}, 9, loader(inputs, targets));
  double const factor = (1 + kScale) * (1 + kScale) / (4 * kScale);
  EXPECT_NEAR(sums[2].loss, sums[0].loss, 1e-6 * sums[0].loss);
  EXPECT_NEAR(sums[1].loss, factor * factor * sums[0].loss, 1e-6 * sums[1].loss);
}

TEST(barrier_engine, a_permuted_copy_has_a_barrier_and_an_aligned_one_none) {
  std::vector<std::int64_t> const hidden{32};
  InputShape const shape{{8}, 4};
  auto const model = make_mlp(hidden, Activation::relu, false, shape);
  auto const a = load(model, make_host_model(model, 0));
  auto const order = at::arange(31, -1, -1, at::kLong);
  Weights const b{{a.parameters[0].index_select(0, order), a.parameters[1].index_select(1, order)},
                  {}};
  Weights const aligned{
      {b.parameters[0].index_select(0, order), b.parameters[1].index_select(1, order)}, {}};
  auto const inputs = images(shape, 50);
  auto const answers = model.evaluate(inputs, a).argmax(1);
  auto const path = [&](Weights const& to) {
    return full_path(model, classification_task(), shape, {16, kPlenty, {}}, a, to, {0.0, 0.5, 1.0},
                     50, loader(inputs, answers));
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
  BarrierEngine const engine(model, classification_task(), kGrey, {4, kPlenty, {}});
  PointSet points;
  int const last = static_cast<int>(model.table().layers.size()) - 1;
  place(model.table(), points, {0, 1, {last}, 0}, 0.5, false);
  auto const sums = engine_sums(engine, model, {load(model, a), load(model, b)}, points, 6,
                                loader(images(kGrey, 6), labels(6)));
  EXPECT_NEAR(sums[0].loss, 6 * std::log(10.0), 1e-6);
}

// --- What the engine promises ------------------------------------------------------------------

TEST(barrier_engine, finds_layers_that_are_equal) {
  auto const model = make_model(named("cnn"), kGrey);
  auto const a = make_host_model(model, 0);
  auto b = make_host_model(model, 1);
  auto const same = model.table().layers[1].parameters;
  std::copy_n(a.row.begin() + same.offset, same.size, b.row.begin() + same.offset);
  auto const sums = [&](HostModel const& host) {
    return layer_sums(model.table(), host.row, host.buffers);
  };
  std::vector<LayerSums> const models{sums(a), sums(b), {}, sums(b)};
  auto const equal = equal_layers(model.table(), models);
  EXPECT_EQ(equal[0], (std::vector{0, 1, 2, 1}));
  EXPECT_EQ(equal[1], (std::vector{0, 0, 2, 0}));
}

TEST(barrier_engine, messages_can_be_served_between_evaluations) {
  auto const model = make_model(named("mlp"), kGrey);
  BarrierEngine const engine(model, classification_task(), kGrey, {4, kPlenty, {}});
  PointSet points;
  for (int layer : {0, 1, 2}) place(model.table(), points, {0, 1, {layer}, 0}, 0.5, false);
  int calls = 0;
  engine_sums(engine, model,
              {load(model, make_host_model(model, 0)), load(model, make_host_model(model, 1))},
              points, 8, loader(images(kGrey, 8), labels(8)), [&] { ++calls; });
  EXPECT_EQ(calls, 2 * 3);
}

TEST(barrier_engine, calibrated_statistics_are_those_of_the_calibration_images) {
  InputShape const tiny{{3, 8, 8}, 10};
  auto const model = make_model(named("resnet18", Norm::batch), tiny);
  auto const calibration = images(tiny, 6);
  auto const inputs = images(tiny, 11).narrow(0, 6, 5).contiguous();
  BarrierEngine const engine(model, classification_task(), tiny, {2, kPlenty, calibration});
  PointSet points;
  auto const layers = layers_from(0, model.table().layers.size());
  place(model.table(), points, {0, 1, layers, -1}, 0.5, false);
  place(model.table(), points, {0, 1, {3, 6}, 0}, 0.5, false);
  std::vector<HostModel> const hosts{make_host_model(model, 0), make_host_model(model, 1)};
  auto const sums = engine_sums(engine, model, {load(model, hosts[0]), load(model, hosts[1])},
                                points, 5, loader(inputs, labels(5)));
  for (std::size_t i = 0; i < points.size(); ++i) {
    auto const mixed = assemble(model.table(), hosts, points, static_cast<int>(i));
    auto const weights = model.view(torch::tensor(mixed.row), torch::tensor(mixed.buffers));
    auto const scratch = model.view(torch::zeros({model.table().parameter_count}),
                                    torch::zeros({model.table().buffer_count}));
    auto sums_of_pass = torch::zeros({2}, torch::kDouble);
    // A training pass leaves 0.9 old + 0.1 new in the running statistics.
    model.train_pass(calibration, labels(6), classification_task(), weights, {scratch},
                     sums_of_pass);
    std::size_t next = 0;
    for (auto const& buffer : weights.buffers) {
      auto const old =
          torch::tensor(mixed.buffers).narrow(0, static_cast<std::int64_t>(next), buffer.numel());
      next += static_cast<std::size_t>(buffer.numel());
      buffer.copy_((buffer - 0.9 * old) / 0.1);
    }
    auto const logits = model.evaluate(inputs, weights).to(torch::kDouble);
    double loss = 0.0;
    for (std::int64_t j = 0; j < 5; ++j) {
      loss +=
          (logits[j].logsumexp(0) - logits[j][labels(5)[j].item<std::int64_t>()]).item<double>();
    }
    EXPECT_NEAR(sums[i].loss, loss, 1e-4 * std::max(1.0, loss)) << i;
  }
}

}  // namespace
}  // namespace fedstrata
