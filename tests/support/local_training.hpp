#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/trainer.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/pytorch_optimizer.hpp"
#include "tests/support/reference_net.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {

inline constexpr std::int64_t kClient = 1;
inline constexpr std::int64_t kRound = 2;

inline std::string const kLocalConfig = R"([run]
seed = 5
[model]
name = mlp
hidden = 9,7
[data]
dataset = synthetic
clients = 3
[train]
lr = 0.1
batch_size = 8
[federation]
rounds = 4
local_epochs = 5
)";

/// A client's samples in the order of its own stream: every epoch a new shuffle of the last order.
inline std::vector<std::vector<std::int64_t>> batches_of(Experiment const& experiment,
                                                         std::int64_t client = kClient,
                                                         std::int64_t round = kRound) {
  auto const samples = experiment.partition.of(client);
  std::vector<std::int64_t> order(samples.begin(), samples.end());
  Random random(experiment.config.run.seed, Purpose::shuffle, static_cast<std::uint64_t>(client),
                static_cast<std::uint64_t>(round));
  auto const batch = static_cast<std::size_t>(experiment.config.train.batch_size);
  auto const rule = experiment.config.train.last_batch;
  auto const steps = static_cast<std::size_t>(experiment.local_steps(client));
  std::vector<std::vector<std::int64_t>> batches;
  while (batches.size() < steps) {
    random.shuffle(order);
    std::size_t last = 0;
    for (std::size_t i = 0; i < order.size() && batches.size() < steps; i = last) {
      last = std::min(i + batch, order.size());
      if (i > 0 && last - i < batch && rule == LastBatch::drop) break;
      if (order.size() - last < batch && rule == LastBatch::merge) last = order.size();
      batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(i),
                           order.begin() + static_cast<std::ptrdiff_t>(last));
    }
  }
  return batches;
}

/// Moves parameters by `length` along their gradients, taken together, and clears these. What is
/// returned moves them back.
inline std::function<void()> climb(std::vector<at::Tensor> const& parameters, double length) {
  at::NoGradGuard const plain;
  double square = 0.0;
  for (auto const& p : parameters) square += p.grad().to(at::kDouble).square().sum().item<double>();
  std::vector<at::Tensor> here;
  for (auto const& p : parameters) {
    here.push_back(p.detach().clone());
    p.detach().add_(p.grad(), length / std::sqrt(square));
    p.mutable_grad().zero_();
  }
  return [parameters, here] {
    for (std::size_t i = 0; i < here.size(); ++i) parameters[i].detach().copy_(here[i]);
  };
}

/// One client's training, by ours and by PyTorch.
struct Session {
  Dataset data;
  Experiment experiment;
  Device device{DeviceChoice::cpu, 1, 0, 1};
  Samples batches{data.info, data.train, device};

  Session(std::vector<std::string> const& settings, std::int64_t side = 6)
      : data(tiny_data(side)), experiment(tiny_experiment(data, kLocalConfig, settings)) {}

  at::Tensor start() const {
    auto state = device.zeros(experiment.state().size());
    auto const parameters = static_cast<std::size_t>(experiment.state().parameters().size);
    experiment.model.initialize(values(state).first(parameters), {}, 1, 0);
    return state;
  }

  TrainResult train(at::Tensor const& state, std::int64_t steps_before = 0) const {
    return trainer(state).train(kClient, kRound, steps_before).value();
  }

  /// Trains `state`; the global row is where it starts.
  Trainer trainer(at::Tensor const& state) const {
    return Trainer({.experiment = &experiment,
                    .device = &device,
                    .data = &batches,
                    .state = state,
                    .global = state.clone()});
  }

  /// The parameter row after PyTorch's training; adds up its loss and correct answers.
  at::Tensor expected(std::int64_t steps_before, double& loss, double& correct) const {
    auto const& config = experiment.config.train;
    ReferenceNet net(experiment.model, Norm::none,
                     start().narrow(0, 0, experiment.state().model_size()), at::empty({0}));
    std::vector<at::Tensor> parameters;
    for (auto const& p : experiment.model.table().parameters) {
      parameters.push_back(net.tensors.at(p.name));
    }
    auto const optimizer_step = pytorch_optimizer(config, parameters);
    std::vector<at::Tensor> started;
    for (auto const& p : parameters) started.push_back(p.detach().clone());
    auto const all = batches_of(experiment);
    auto const steps = static_cast<std::int64_t>(all.size());
    for (std::int64_t step = 0; step < steps; ++step) {
      auto const [images, labels] = batches.gather(all[static_cast<std::size_t>(step)]);
      auto const logits = net.logits(images);
      auto const mean_loss_of = [&, &answers = labels](at::Tensor const& outputs) {
        return at::cross_entropy_loss(outputs, answers, {}, at::Reduction::Mean, -100,
                                      config.label_smoothing);
      };
      auto const mean_loss = mean_loss_of(logits);
      mean_loss.backward();
      if (config.sam_rho > 0) {
        auto const back = climb(parameters, config.sam_rho);
        mean_loss_of(net.logits(images)).backward();
        back();
      }
      for (std::size_t i = 0; i < parameters.size() && config.mu > 0; ++i) {
        (config.mu / 2 * (parameters[i] - started[i]).square().sum()).backward();
      }
      if (config.clip > 0) pytorch_clip(parameters, config.clip);
      loss += mean_loss.item<double>() * static_cast<double>(labels.numel());
      correct += logits.argmax(1).eq(labels).sum().item<double>();
      optimizer_step(learning_rate(config, experiment.config.federation.rounds, kRound, step, steps,
                                   steps_before));
    }
    std::vector<at::Tensor> flat;
    for (auto const& p : parameters) flat.push_back(p.detach().flatten());
    return at::cat(flat);
  }
};

/// Trains as the settings say, by ours and by PyTorch, and compares rows, loss and accuracy.
inline void expect_equal_to_pytorch(std::vector<std::string> const& settings,
                                    double least_change = 1e-2) {
  bool const images = !settings.empty() && settings[0] == "model.name=lenet5";
  Session const session(settings, images ? 28 : 6);
  auto const state = session.start();
  constexpr std::int64_t kStepsBefore = 12;
  auto const result = session.train(state, kStepsBefore);
  double loss = 0.0;
  double correct = 0.0;
  auto const expected = session.expected(kStepsBefore, loss, correct);
  auto const row = state.narrow(0, 0, expected.numel());
  EXPECT_LT(((row - expected).abs().max() / expected.abs().max()).item<double>(), 1e-6);
  EXPECT_GT((row - session.start().narrow(0, 0, row.numel())).abs().max().item<double>(),
            least_change);

  double seen = 0.0;
  for (auto const& batch : batches_of(session.experiment))
    seen += static_cast<double>(batch.size());
  EXPECT_NEAR(result.loss, loss / seen, 1e-5);
  EXPECT_NEAR(result.accuracy, correct / seen, 1e-9);
}

}  // namespace fedstrata
