#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>

#include <string>
#include <vector>

#include "client/clients_trainer.hpp"
#include "tests/support/local_training.hpp"

namespace fedstrata {

/// Trains three clients for two rounds, together and one after another, each from a start of its
/// own, and expects the same states, losses and accuracies: bit for bit, or up to `tolerance`.
inline void expect_as_one_at_a_time(DeviceChoice choice, std::vector<std::string> const& settings,
                                    double tolerance = 0.0) {
  bool const images = !settings.empty() && settings[0].starts_with("model.name=");
  auto all = settings;
  all.emplace_back("data.partition=iid");
  auto const data = tiny_data(images ? 28 : 6);
  auto const experiment = tiny_experiment(data, kLocalConfig, all);
  Device const device(choice, 1, 0, 1);
  Samples const samples(data.info, data.train, device);
  auto const size = experiment.state().size();
  std::vector<std::int64_t> const clients{0, 1, 2};
  std::vector<float> host(static_cast<std::size_t>(size));
  auto const together = device.zeros(4 * size).view({4, size});  // room for one more
  auto const alone = device.zeros(size);
  ClientsTrainer trainer(
      {.experiment = &experiment, .device = &device, .data = &samples, .state = together});
  Trainer one({.experiment = &experiment, .device = &device, .data = &samples, .state = alone});
  auto const start = [&](std::int64_t client, at::Tensor const& row) {
    auto const parameters = static_cast<std::size_t>(experiment.state().parameters().size);
    experiment.model.initialize(std::span(host).first(parameters), {}, 1,
                                static_cast<std::uint64_t>(client));
    device.upload(host, row);
  };
  for (std::int64_t const round : {1, 2}) {
    for (auto const client : clients) start(client, together[client]);
    auto const results = trainer.train(clients, round, 12).value();
    for (auto const client : clients) {
      start(client, alone);
      auto const begun = alone.cpu().clone();
      auto const expected = one.train(client, round, 12).value();
      auto const& result = results[static_cast<std::size_t>(client)];
      auto const difference = (together[client].cpu() - alone.cpu()).abs().max().item<float>();
      EXPECT_LE(difference, tolerance) << client;
      EXPECT_GT((begun - alone.cpu()).abs().max().item<float>(), 1e-3F);
      EXPECT_LE(std::abs(result.loss - expected.loss), tolerance);
      EXPECT_EQ(result.accuracy, expected.accuracy);
    }
  }
}

}  // namespace fedstrata
