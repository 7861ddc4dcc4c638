#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "common/data/samples.hpp"
#include "common/federation/experiment.hpp"

namespace fedstrata {

/// What local training of one client in one round gave.
struct TrainResult {
  double loss = 0.0;      ///< mean over the samples seen, while training
  double accuracy = 0.0;  ///< absent (NaN) for a task without right answers
};

/// Trains one client at a time on a state row. SGD with momentum, Nesterov and weight decay as
/// PyTorch defines them, without autograd and where possible without a gradient row: the gradient
/// goes straight into the momentum, or into the weights when there is no momentum.
class Trainer {
 public:
  /// `state`: row [StateLayout::size()] on the device, whose contents are trained in place.
  Trainer(Experiment const& experiment, Device const& device, Samples const& data,
          at::Tensor state);

  /// Local training of `client` in `round` on the state as it stands. `steps_before`: optimizer
  /// steps the client did in earlier rounds (for warm-up). Before each step `go_on` is asked;
  /// nothing is returned, and the state left as it happens to be, once it says no.
  std::optional<TrainResult> train(std::int64_t client, std::int64_t round,
                                   std::int64_t steps_before,
                                   std::function<bool()> const& go_on = {});

 private:
  void step(Batch const& batch, double lr, at::Tensor& sums);

  Experiment const* experiment_;
  Device const* device_;
  Samples const* data_;
  at::Tensor parameters_, momentum_, gradient_;  ///< rows [P]; momentum_ empty without momentum
  Weights weights_, momentum_views_, gradient_views_;
};

}  // namespace fedstrata
