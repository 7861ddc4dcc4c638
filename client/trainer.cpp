#include "client/trainer.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "common/base/random.hpp"
#include "common/store/records.hpp"

namespace fedstrata {
namespace {

at::Tensor narrow(at::Tensor const& row, Slice slice) {
  return row.narrow(0, slice.offset, slice.size);
}

/// Endless order of a client's samples: reshuffled every epoch, in batches that end with the epoch.
class BatchOrder {
 public:
  BatchOrder(std::span<std::int64_t const> samples, std::int64_t batch_size, Random random)
      : order_(samples.begin(), samples.end()),
        batch_(static_cast<std::size_t>(batch_size)),
        position_(order_.size()),
        random_(random) {}

  std::span<std::int64_t const> next() {
    if (position_ >= order_.size()) {
      random_.shuffle(order_);
      position_ = 0;
    }
    auto const size = std::min(batch_, order_.size() - position_);
    auto const batch = std::span<std::int64_t const>(order_).subspan(position_, size);
    position_ += size;
    return batch;
  }

 private:
  std::vector<std::int64_t> order_;
  std::size_t batch_, position_;
  Random random_;
};

}  // namespace

Trainer::Trainer(Experiment const& experiment, Device const& device, Samples const& data,
                 at::Tensor state)
    : experiment_(&experiment), device_(&device), data_(&data) {
  auto const layout = experiment.state();
  auto const& model = experiment.model;
  parameters_ = narrow(state, layout.parameters());
  auto const buffers = narrow(state, layout.buffers());
  weights_ = model.view(parameters_, buffers);
  if (layout.momentum().size == 0) return;
  momentum_ = narrow(state, layout.momentum());
  momentum_views_ = model.view(momentum_, buffers);
  if (!experiment.config.train.nesterov) return;
  gradient_ = device.zeros(layout.parameters().size);
  gradient_views_ = model.view(gradient_, buffers);
}

void Trainer::step(Batch const& batch, double lr, at::Tensor& sums) {
  auto const& train = experiment_->config.train;
  auto const& model = experiment_->model;
  SgdStep const sgd{lr, train.momentum, train.nesterov, train.weight_decay};
  if (train.momentum == 0.0) {
    // w - lr (g + decay w) = (1 - lr decay) w - lr g
    model.train_pass(batch.inputs, batch.targets, *experiment_->task, weights_,
                     {weights_, 1.0 - lr * train.weight_decay, -lr}, sums);
  } else if (!train.nesterov) {
    model.train_pass(batch.inputs, batch.targets, *experiment_->task, weights_,
                     {momentum_views_, train.momentum, 1.0}, sums);
    sgd_apply(parameters_, momentum_, sgd);
  } else {
    model.train_pass(batch.inputs, batch.targets, *experiment_->task, weights_,
                     {gradient_views_, 0.0, 1.0}, sums);
    sgd_update(parameters_, momentum_, gradient_, sgd);
  }
}

std::optional<TrainResult> Trainer::train(std::int64_t client, std::int64_t round,
                                          std::int64_t steps_before,
                                          std::function<bool()> const& go_on) {
  torch::InferenceMode const no_gradients;
  auto const& config = experiment_->config;
  auto const id = static_cast<std::uint64_t>(client);
  auto const at_round = static_cast<std::uint64_t>(round);
  BatchOrder order(experiment_->partition.of(client), config.train.batch_size,
                   Random(config.run.seed, Purpose::shuffle, id, at_round));
  Random crops(config.run.seed, Purpose::augmentation, id, at_round);
  torch::manual_seed(Random(config.run.seed, Purpose::dropout, id, at_round).next());
  auto const steps = experiment_->local_steps(client);
  auto sums = device_->to_device(torch::zeros({2}, torch::kFloat64));
  std::int64_t seen = 0;
  for (std::int64_t step_number = 0; step_number < steps; ++step_number) {
    if (go_on && !go_on()) return std::nullopt;
    auto const indices = order.next();
    auto const batch = config.data.augment == Augment::crop_flip
                           ? data_->gather_augmented(indices, crops)
                           : data_->gather(indices);
    auto const lr = learning_rate(config.train, config.federation.rounds, round, step_number, steps,
                                  steps_before);
    step(batch, lr, sums);
    seen += static_cast<std::int64_t>(indices.size());
  }
  auto const totals = sums.cpu();
  auto const count = static_cast<double>(seen);
  bool const counts = experiment_->task->has_accuracy();
  return TrainResult{.loss = totals[0].item<double>() / count,
                     .accuracy = counts ? totals[1].item<double>() / count : kAbsent};
}

}  // namespace fedstrata
