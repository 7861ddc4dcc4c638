#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "client/algorithms/optimizer.hpp"
#include "client/trainer.hpp"

namespace fedstrata {

/// Sizes of the batches of a client's round, in their order.
std::vector<std::int64_t> round_batches(Experiment const& experiment, std::int64_t client);

/// Trains several clients at once, on a matrix with a state row for each: every launch of a step is
/// for all of them. Each client's batches, rates and steps are those that Trainer gives it, and so
/// are the bits, as far as a device's kernels for K products compute each as they would alone.
/// Only for what no_clients_together() has nothing against.
class ClientsTrainer {
 public:
  /// `input.state` is [K, StateLayout::size()]: room for K clients.
  explicit ClientsTrainer(TrainerInput const& input);

  /// Local training of `clients` (1 to K), whose states are the first rows, in their order. Their
  /// round_batches() are equal, and so are their `steps_before`, as far as warm-up reaches.
  /// `go_on` and what is returned are as with Trainer::train(), client by client.
  std::optional<std::vector<TrainResult>> train(std::span<std::int64_t const> clients,
                                                std::int64_t round, std::int64_t steps_before,
                                                std::function<bool()> const& go_on = {});

 private:
  /// The first rows, for so many clients.
  struct Rows {
    std::unique_ptr<Optimizer> optimizer;
    Weights weights;
    at::Tensor gradient;  ///< [clients, P], where one is needed
    Weights gradient_views;
  };
  Rows const& rows(std::int64_t clients);

  Experiment const* experiment_;
  Device const* device_;
  std::unique_ptr<Task> smoothed_;  ///< the task with smoothed labels, where they are
  Task const* task_;
  Samples const* data_;
  at::Tensor state_;
  std::map<std::int64_t, Rows> rows_;  ///< by their number; made when first needed
};

}  // namespace fedstrata
