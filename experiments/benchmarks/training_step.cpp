// Our client update against the same steps written by hand with torch::nn, autograd and the stock
// optimizer: framework overhead. Both start from the same weights and see the same batches; ours
// also gathers and normalises them from bytes and keeps score, the stock loop gets ready tensors.
#include <torch/torch.h>

#include "client/algorithms/algorithms.hpp"
#include "client/trainer.hpp"
#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "experiments/benchmarks/device_clock.hpp"
#include "experiments/benchmarks/stock_nets.hpp"
#include "experiments/benchmarks/timing.hpp"

namespace fedstrata::benchmarks {
namespace {

struct Case {
  std::string model;
  std::int64_t batch_size;
  std::int64_t samples;  ///< of the client; one epoch an update
  int updates;           ///< per repetition
  int repeats;
  std::string precision = "float32";  ///< of ours; the stock loop is in float32
};

Config config_of(Case const& c, double lr) {
  Config config;
  config.model.name = c.model;
  config.data.clients = 1;
  config.data.partition = "same";
  config.train.lr = lr;
  config.train.batch_size = c.batch_size;
  config.train.precision = c.precision;
  return config;
}

/// Random images: speed does not depend on what they show.
struct Images {
  DatasetInfo info;
  Split split;

  Images(std::int64_t count, bool colour) {
    std::size_t const channels = colour ? 3 : 1;
    info.name = "random";
    info.shape = {colour ? 3 : 1, colour ? 32 : 28, colour ? 32 : 28};
    info.outputs = 10;
    info.train_count = count;
    info.mean.assign(channels, 0.3);
    info.std.assign(channels, 0.35);
    Random random(1, Purpose::synthetic_data);
    split.inputs.resize(static_cast<std::size_t>(count * info.input_size()));
    split.targets.resize(static_cast<std::size_t>(count));
    for (auto& pixel : split.inputs) pixel = static_cast<std::uint8_t>(random.below(256));
    for (auto& label : split.targets) label = static_cast<std::uint8_t>(random.below(10));
  }
};

/// The batches our trainer takes in round 1, as tensors.
std::vector<Batch> same_batches(Experiment const& experiment, Samples const& data) {
  auto const samples = experiment.partition.of(0);
  std::vector<std::int64_t> order(samples.begin(), samples.end());
  Random(experiment.config.run.seed, Purpose::shuffle, 0, 1).shuffle(order);
  std::vector<Batch> batches;
  auto const size = static_cast<std::size_t>(experiment.config.train.batch_size);
  for (std::size_t first = 0; first < order.size(); first += size) {
    batches.push_back(
        data.gather(std::span(order).subspan(first, std::min(size, order.size() - first))));
  }
  return batches;
}

class StockLoop {
 public:
  StockLoop(Experiment const& experiment, Samples const& data, at::Tensor const& row)
      : net_(make_stock_net(experiment.config.model.name, experiment.dataset.shape[0])),
        lr_(experiment.config.train.lr),
        batches_(same_batches(experiment, data)),
        start_(experiment.model.view(row, torch::empty({0})).parameters) {
    for (auto& parameter : net_.parameters) parameter.set_data(parameter.to(row.device()));
  }

  void update() {
    {
      torch::NoGradGuard const guard;
      for (std::size_t i = 0; i < start_.size(); ++i) net_.parameters[i].copy_(start_[i]);
    }
    torch::optim::SGD optimizer(net_.parameters, torch::optim::SGDOptions(lr_));
    for (auto const& batch : batches_) {
      optimizer.zero_grad();
      torch::nn::functional::cross_entropy(net_.forward(batch.inputs), batch.targets).backward();
      optimizer.step();
    }
  }

  at::Tensor row() const {
    std::vector<at::Tensor> flat;
    for (auto const& parameter : net_.parameters) flat.push_back(parameter.detach().flatten());
    return torch::cat(flat);
  }

 private:
  StockNet net_;
  double lr_;
  std::vector<Batch> batches_;
  std::vector<at::Tensor> start_;
};

at::Tensor initial_row(Experiment const& experiment, Device const& device) {
  std::vector<float> values(static_cast<std::size_t>(experiment.state().size()));
  experiment.model.initialize(values, {}, 1, 0);
  auto row = device.row(std::ssize(values));
  device.upload(values, row);
  return row;
}

void measure(Case const& c, Options const& options) {
  auto const device = make_device(options);
  bool const colour = c.model == "resnet18";
  Images const images(c.samples, colour);
  Samples const data(images.info, images.split, device);
  // resnet18 without normalisation needs a small step to stay finite on random images, and so do
  // the many steps that a GPU makes for the two loops to stay together.
  auto const config = config_of(c, colour ? 1e-4 : options.cuda ? 1e-3 : 0.1);
  Experiment const experiment(config, images.info, images.split.targets,
                              state_fields(config.train));
  auto const start = initial_row(experiment, device);
  auto const state = device.row(start.numel());
  Trainer trainer({.experiment = &experiment, .device = &device, .data = &data, .state = state});
  StockLoop stock(experiment, data, start);

  auto const repeat = [&](auto const& update) {
    return [&c, update] {
      for (int i = 0; i < c.updates; ++i) update();
    };
  };
  auto const samples = interleave(c.repeats,
                                  {repeat([&] {
                                     c10::InferenceMode const no_gradients;
                                     state.copy_(start);
                                     trainer.train(0, 1, 0);
                                   }),
                                   repeat([&] { stock.update(); })},
                                  [&] { return device_seconds(options.cuda); });
  auto const difference = (state - stock.row()).abs().max().item<double>();
  require(difference < 1e-3, c.model + ": the two loops differ by " + std::to_string(difference));

  auto const steps = static_cast<double>(c.updates * experiment.local_steps(0));
  auto const ms = [&](double seconds) { return fixed(1e3 * seconds / steps, 3); };
  auto const &ours = samples[0], &theirs = samples[1];
  print_row({c.model, std::to_string(c.batch_size), c.precision, ms(ours.median()),
             ms(theirs.median()), ms(ours.best()), ms(theirs.best()),
             fixed(theirs.median() / ours.median(), 2), fixed(theirs.best() / ours.best(), 2)});
}

}  // namespace
}  // namespace fedstrata::benchmarks

int main(int argc, char** argv) {
  using namespace fedstrata::benchmarks;
  Options const options(argc, argv, true);
  print_head({"model", "batch", "ours in", "ours, ms a step (median)", "stock loop (median)",
              "ours (best)", "stock loop (best)", "speed-up (medians)", "speed-up (best)"});
  std::vector<Case> cases{{"mlp", 10, 60, 20, 25},
                          {"cnn", 10, 60, 2, 15},
                          {"cnn", 64, 128, 2, 9},
                          {"resnet18", 16, 32, 1, 5}};
  if (options.cuda) {
    cases = {{"mlp", 10, 600, 5, 9},
             {"cnn", 10, 600, 5, 9},
             {"cnn", 64, 1280, 5, 9},
             {"resnet18", 64, 1280, 1, 5},
             {"resnet18", 256, 5120, 1, 5},
             {"cnn", 64, 1280, 5, 9, "tf32"},
             {"resnet18", 64, 1280, 1, 5, "tf32"},
             {"resnet18", 256, 5120, 1, 5, "tf32"}};
  }
  if (options.tiny)
    cases = {{"mlp", 10, 20, 1, 1}, {"cnn", 10, 20, 1, 1}, {"resnet18", 2, 2, 1, 1}};
  for (auto const& c : cases) measure(c, options);
  return 0;
}
