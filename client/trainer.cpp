#include "client/trainer.hpp"

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "client/algorithms/algorithms.hpp"
#include "common/base/random.hpp"
#include "common/federation/epoch_batches.hpp"
#include "common/store/records.hpp"

namespace fedstrata {
namespace {

/// Endless order of a client's samples: reshuffled every epoch, in batches that end with the epoch.
class BatchOrder {
 public:
  BatchOrder(std::span<std::int64_t const> samples, TrainConfig const& config, Random random)
      : order_(samples.begin(), samples.end()),
        batches_(std::ssize(samples), config),
        next_(batches_.count()),
        random_(random) {}

  std::span<std::int64_t const> next() {
    if (next_ == batches_.count()) {
      random_.shuffle(order_);
      next_ = 0;
      position_ = 0;
    }
    auto const size = static_cast<std::size_t>(batches_.size(next_++));
    auto const batch = std::span<std::int64_t const>(order_).subspan(position_, size);
    position_ += size;
    return batch;
  }

 private:
  std::vector<std::int64_t> order_;
  EpochBatches batches_;
  std::int64_t next_;
  std::size_t position_ = 0;
  Random random_;
};

}  // namespace

Trainer::Trainer(TrainerInput const& input)
    : experiment_(input.experiment),
      smoothed_(experiment_->config.train.label_smoothing > 0.0
                    ? experiment_->task->smoothed(experiment_->config.train.label_smoothing)
                    : nullptr),
      task_(smoothed_ ? smoothed_.get() : experiment_->task),
      device_(input.device),
      data_(input.data),
      optimizer_(make_optimizer(experiment_->config.train)),
      correction_(make_correction(experiment_->config.train)) {
  LocalRows const rows{.model = &experiment_->model,
                       .layout = experiment_->state(),
                       .state = input.state,
                       .global = input.global};
  weights_ = rows.view(rows.parameters());
  optimizer_->attach(rows);
  if (correction_) correction_->attach(rows);
  auto const& train = experiment_->config.train;
  model_ = input.state.narrow(0, 0, rows.layout.model_size());
  parameters_ = rows.parameters();
  if (needs_model_copy(train)) {
    model_copy_ = input.device->zeros(rows.layout.model_size());
    uncounted_ = device_->to_device(torch::zeros({2}, torch::kFloat64));
  }
  if (!needs_gradient_row(train)) return;
  gradient_ = input.device->zeros(rows.layout.parameters().size);
  gradient_views_ = rows.view(gradient_);
}

void Trainer::step(Batch const& batch, double lr, at::Tensor& sums) {
  if (!gradient_.defined()) {
    experiment_->model.train_pass(batch.inputs, batch.targets, *task_, weights_,
                                  optimizer_->in_place(lr), sums);
    optimizer_->finish(lr);
    return;
  }
  pass(batch, sums);
  auto const& train = experiment_->config.train;
  if (train.sam_rho > 0.0) pass_nearby(batch);
  if (correction_) correction_->correct(gradient_);
  if (train.clip > 0.0) clip_norm(gradient_, train.clip);
  optimizer_->step(gradient_, lr);
}

/// The gradient of the batch's loss at the client's parameters, into the gradient row.
void Trainer::pass(Batch const& batch, at::Tensor& sums) {
  experiment_->model.train_pass(batch.inputs, batch.targets, *task_, weights_,
                                {gradient_views_, 0.0, 1.0}, sums);
}

/// SAM (Foret et al., ICLR 2021, arXiv 2010.01412): the gradient that was found is replaced by that
/// of the same batch at the highest point nearby, as far as one gradient can tell: sam_rho from the
/// parameters, along it. Parameters and statistics are then as they were, and nothing is counted.
void Trainer::pass_nearby(Batch const& batch) {
  model_copy_.copy_(model_);
  add_along(parameters_, experiment_->config.train.sam_rho, gradient_);
  pass(batch, uncounted_);
  model_.copy_(model_copy_);
}

void Trainer::begin_correction(std::int64_t client, std::int64_t round) {
  local_round_.client = client;
  if (local_round_.round != round) {
    local_round_.round = round;
    local_round_.common.clear();
    local_round_.averaged.clear();
    auto const due = experiment_->schedule.due_layers(round);
    for (int const layer : experiment_->common_layers(round)) {
      local_round_.common.push_back(
          experiment_->model.table().layers[static_cast<std::size_t>(layer)].parameters);
      if (std::ranges::binary_search(due, layer)) local_round_.averaged.push_back(layer);
    }
    local_round_.participation = static_cast<double>(experiment_->participants(round).size()) /
                                 static_cast<double>(experiment_->clients());
  }
  correction_->begin(local_round_);
}

std::optional<TrainResult> Trainer::train(std::int64_t client, std::int64_t round,
                                          std::int64_t steps_before,
                                          std::function<bool()> const& go_on) {
  c10::InferenceMode const no_gradients;
  auto const& config = experiment_->config;
  ProductsInTf32 const products(config.train.precision == "tf32");
  auto const id = static_cast<std::uint64_t>(client);
  auto const at_round = static_cast<std::uint64_t>(round);
  BatchOrder order(experiment_->partition.of(client), config.train,
                   Random(config.run.seed, Purpose::shuffle, id, at_round));
  Random crops(config.run.seed, Purpose::augmentation, id, at_round);
  at::manual_seed(Random(config.run.seed, Purpose::dropout, id, at_round).next());
  auto const steps = experiment_->local_steps(client);
  auto sums = device_->to_device(torch::zeros({2}, torch::kFloat64));
  std::int64_t seen = 0;
  local_round_.rates = 0.0;
  optimizer_->begin();
  if (correction_) begin_correction(client, round);
  for (std::int64_t step_number = 0; step_number < steps; ++step_number) {
    if (go_on && !go_on()) return std::nullopt;
    auto const indices = order.next();
    auto const batch = config.data.augment == Augment::crop_flip
                           ? data_->gather_augmented(indices, crops)
                           : data_->gather(indices);
    auto const lr = learning_rate(config.train, config.federation.rounds, round, step_number, steps,
                                  steps_before);
    step(batch, lr, sums);
    local_round_.rates += lr;
    seen += static_cast<std::int64_t>(indices.size());
  }
  optimizer_->end();
  if (correction_) correction_->end(local_round_);
  auto const totals = sums.cpu();
  auto const count = static_cast<double>(seen);
  bool const counts = experiment_->task->has_accuracy();
  return TrainResult{.loss = totals[0].item<double>() / count,
                     .accuracy = counts ? totals[1].item<double>() / count : kAbsent};
}

}  // namespace fedstrata
