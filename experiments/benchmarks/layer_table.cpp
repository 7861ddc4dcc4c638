// The layer table of two models (full path and every layer in both models, 3 points a curve): the
// staged engine against loading and evaluating the whole network once per point of every curve.
#include <torch/types.h>

#include <array>
#include <cmath>
#include <numeric>

#include "common/base/error.hpp"
#include "common/tasks/tasks.hpp"
#include "experiments/benchmarks/device_clock.hpp"
#include "server/engine/barrier_engine.hpp"
#include "server/plan/curve.hpp"

namespace fedstrata::benchmarks {
namespace {

constexpr std::array<double, 3> kAlphas{0.0, 0.5, 1.0};

struct Case {
  std::string model;
  std::int64_t images;
  int repeats;
  std::int64_t batch_size = EngineSettings{}.batch_size;
};

struct Problem {
  InputShape input;
  Model model;
  Device device;
  at::Tensor a, b, no_buffers = torch::empty({0});  ///< parameter rows
  at::Tensor images, labels;

  Problem(Case const& c, Options const& options)
      : input(c.model == "resnet18" ? InputShape{{3, 32, 32}, 10} : InputShape{{1, 28, 28}, 10}),
        model(make_model(config_of(c), input)),
        device(make_device(options)),
        a(row(0)),
        b(row(1)) {
    at::manual_seed(1);
    images = device.to_device(torch::randn(input.batch(c.images)));
    labels = device.to_device(torch::randint(10, {c.images}, torch::kInt64));
  }

  Batch batch(std::int64_t first, std::int64_t count) const {
    return {images.narrow(0, first, count), labels.narrow(0, first, count)};
  }
  Weights weights(at::Tensor const& parameters) const { return model.view(parameters, no_buffers); }

 private:
  static ModelConfig config_of(Case const& c) {
    ModelConfig config;
    config.name = c.model;
    return config;
  }
  at::Tensor row(std::uint64_t client) const {
    std::vector<float> values(static_cast<std::size_t>(model.table().parameter_count));
    model.initialize(values, {}, 1, client);
    auto row = device.row(std::ssize(values));
    device.upload(values, row);
    return row;
  }
};

/// Loss sums of all points: the full path, then a towards b and b towards a, layer by layer.
using Table = std::vector<double>;

struct Staged {
  Table table;
  double multiply_adds = 0.0;  ///< of one sample
  double forward = 0.0;        ///< of one whole evaluation
};

Staged staged_table(Problem const& p, EngineSettings const& settings) {
  BarrierEngine const engine(p.model, classification_task(), p.input, settings);
  auto const& layer_table = p.model.table();
  PointSet points;
  std::vector<int> rows;
  auto const add = [&](Path const& path, bool from_b) {
    for (double const alpha : kAlphas) {
      rows.push_back(place(layer_table, points, path, from_b ? 1.0 - alpha : alpha, false));
    }
  };
  std::vector<int> layers;
  for (std::size_t l = 0; l < layer_table.layers.size(); ++l) layers.push_back(static_cast<int>(l));
  add({0, 1, layers, -1}, false);
  for (int const l : layers) add({0, 1, {l}, 0}, false);
  for (int const l : layers) add({0, 1, {l}, 1}, true);
  std::vector<int> all(points.size());
  std::iota(all.begin(), all.end(), 0);
  auto const tree = build_tree(points, all, engine.stages());
  BlendedWeights weights(layer_table, {p.weights(p.a), p.weights(p.b)}, points.blends(),
                         std::int64_t{1} << 28);
  auto const count = p.images.size(0);
  SampleLosses losses(points.size(), count);
  auto const load = [&](std::int64_t first, std::int64_t samples) {
    return p.batch(first, samples);
  };
  engine.evaluate(tree, weights, 0, count, load, losses, {});
  Staged result{{}, tree.multiply_adds(engine.stages()), 0.0};
  for (auto const& stage : engine.stages()) result.forward += stage.cost + stage.tail_cost;
  for (int const row : rows) {
    auto const values = losses.loss(row);
    result.table.push_back(std::accumulate(values.begin(), values.end(), 0.0));
  }
  return result;
}

double whole_evaluation(Problem const& p, at::Tensor const& row, std::int64_t batch_size) {
  double sum = 0.0;
  for (std::int64_t first = 0; first < p.images.size(0); first += batch_size) {
    auto const batch = p.batch(first, std::min(batch_size, p.images.size(0) - first));
    std::vector<double> losses(static_cast<std::size_t>(batch.targets.size(0)));
    std::vector<float> errors(losses.size());
    classification_task().judge(p.model.evaluate(batch.inputs, p.weights(row)), batch.targets,
                                losses, errors);
    sum = std::accumulate(losses.begin(), losses.end(), sum);
  }
  return sum;
}

Table plain_table(Problem const& p, std::int64_t batch_size) {
  Table table;
  auto const curve = [&](at::Tensor const& from, at::Tensor const& to, Slice slice) {
    for (double const alpha : kAlphas) {
      auto row = from.clone();
      narrow(row, slice).lerp_(narrow(to, slice), alpha);
      table.push_back(whole_evaluation(p, row, batch_size));
    }
  };
  curve(p.a, p.b, {0, p.model.table().parameter_count});
  for (auto const& layer : p.model.table().layers) curve(p.a, p.b, layer.parameters);
  for (auto const& layer : p.model.table().layers) curve(p.b, p.a, layer.parameters);
  return table;
}

void compare(Table const& staged, Table const& plain) {
  require(staged.size() == plain.size(), "the tables differ in size");
  for (std::size_t i = 0; i < plain.size(); ++i) {
    require(std::abs(staged[i] - plain[i]) <= 1e-4 * std::abs(plain[i]),
            "point " + std::to_string(i) + " differs: " + std::to_string(staged[i]) + " against " +
                std::to_string(plain[i]));
  }
}

void measure(Case const& c, Options const& options) {
  c10::InferenceMode const no_gradients;
  Problem const p(c, options);
  EngineSettings settings;
  settings.batch_size = c.batch_size;
  Staged staged;
  Table plain;
  auto const samples = interleave(c.repeats,
                                  {[&] { staged = staged_table(p, settings); },
                                   [&] { plain = plain_table(p, settings.batch_size); }},
                                  [&] { return device_seconds(options.cuda); });
  compare(staged.table, plain);
  double const fewer = static_cast<double>(plain.size()) * staged.forward / staged.multiply_adds;
  auto const &ours = samples[0], &theirs = samples[1];
  print_row({c.model, std::to_string(p.model.table().layers.size()), std::to_string(c.images),
             fixed(ours.median(), 2), fixed(theirs.median(), 2), fixed(fewer, 2),
             fixed(theirs.median() / ours.median(), 2), fixed(theirs.best() / ours.best(), 2)});
}

}  // namespace
}  // namespace fedstrata::benchmarks

int main(int argc, char** argv) {
  using namespace fedstrata::benchmarks;
  Options const options(argc, argv, true);
  print_head({"model", "layers", "images", "staged, s (median)", "plain, s (median)",
              "fewer multiply-adds", "speed-up (medians)", "speed-up (best)"});
  std::vector<Case> cases{
      {"mlp", 2048, 7}, {"lenet5", 512, 7}, {"cnn", 256, 5}, {"resnet18", 128, 1}};
  if (options.cuda) {
    cases = {{"mlp", 10000, 3, 1000},
             {"lenet5", 10000, 3, 1000},
             {"cnn", 10000, 3, 1000},
             {"resnet18", 2048, 1},
             {"resnet18", 2048, 1, 512}};
  }
  if (options.tiny) cases = {{"mlp", 8, 1}, {"lenet5", 8, 1}, {"cnn", 8, 1}};
  for (auto const& c : cases) measure(c, options);
  return 0;
}
