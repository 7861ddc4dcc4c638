#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "client/algorithms/correction.hpp"
#include "client/algorithms/optimizer.hpp"
#include "common/data/samples.hpp"
#include "common/federation/experiment.hpp"
#include "common/tasks/task.hpp"

namespace fedstrata {

/// What local training of one client in one round gave.
struct TrainResult {
  double loss = 0.0;      ///< mean over the samples seen, while training
  double accuracy = 0.0;  ///< absent (NaN) for a task without right answers
};

/// What a Trainer works with; everything must outlive it.
struct TrainerInput {
  Experiment const* experiment = nullptr;
  Device const* device = nullptr;
  Samples const* data = nullptr;
  at::Tensor state;        ///< row [StateLayout::size()] on the device, trained in place
  at::Tensor global = {};  ///< the same of the round's start; only corrections need it
};

/// Trains one client at a time on a state row: batches in the client's order, the learning rate of
/// each step, and the optimizer and correction that the configuration names. Without autograd, and
/// without a gradient row where the optimizer can do without.
class Trainer {
 public:
  explicit Trainer(TrainerInput const& input);

  /// Local training of `client` in `round` on the state as it stands. `steps_before`: optimizer
  /// steps the client did in earlier rounds (for warm-up). Before each step `go_on` is asked;
  /// nothing is returned, and the state left as it happens to be, once it says no.
  std::optional<TrainResult> train(std::int64_t client, std::int64_t round,
                                   std::int64_t steps_before,
                                   std::function<bool()> const& go_on = {});

 private:
  /// Returns what the model answered before the step.
  at::Tensor step(Batch const& batch, double lr, at::Tensor& sums);
  at::Tensor pass(Batch const& batch, at::Tensor& sums);
  void pass_nearby(Batch const& batch);
  void begin_correction(std::int64_t client, std::int64_t round);

  Experiment const* experiment_;
  std::unique_ptr<Task> smoothed_;  ///< the task with smoothed labels, where they are
  Task const* task_;
  Samples const* data_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Correction> correction_;  ///< may be none
  LocalRound local_round_;
  Weights weights_;
  at::Tensor parameters_, model_;  ///< of the client: slices [P] and [P + Q] of its state
  at::Tensor model_copy_;          ///< row [P + Q], where one is needed
  at::Tensor gradient_;            ///< row [P], where one is needed
  Weights gradient_views_;
};

}  // namespace fedstrata
