#include "client/trainer.hpp"

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "client/algorithms/algorithms.hpp"
#include "common/base/random.hpp"
#include "common/data/evaluate.hpp"
#include "common/federation/epoch_batches.hpp"

namespace fedstrata {
namespace {

/// Endless batches of a client's samples: reshuffled every epoch, with which the last one ends.
class BatchOrder {
 public:
  BatchOrder(Samples const& data, std::span<std::int64_t const> samples, Config const& config,
             std::uint64_t client, std::uint64_t round)
      : data_(data),
        indices_(samples.begin(), samples.end()),
        batches_(std::ssize(samples), config.train),
        next_(batches_.count()),
        augment_(config.data.augment == Augment::crop_flip),
        shuffle_(config.run.seed, Purpose::shuffle, client, round),
        crops_(config.run.seed, Purpose::augmentation, client, round) {}

  Batch next() {
    if (next_ == batches_.count()) begin_epoch();
    auto const size = batches_.size(next_++);
    auto batch = data_.gather(order_, position_, size);
    position_ += size;
    return batch;
  }

 private:
  void begin_epoch() {
    shuffle_.shuffle(indices_);
    next_ = 0;
    position_ = 0;
    auto const used = std::span(indices_).first(static_cast<std::size_t>(batches_.samples()));
    order_ = augment_ ? data_.augmented_order(used, crops_) : data_.order(used);
  }

  Samples const& data_;
  std::vector<std::int64_t> indices_;
  EpochBatches batches_;
  std::int64_t next_;
  std::int64_t position_ = 0;
  bool augment_;
  Random shuffle_, crops_;
  SampleOrder order_;
};

/// What a client's steps count: losses and correct answers. In host memory the passes add them up.
/// On a device that would be a dozen launches a step: there the answers are kept, and judged many
/// at a time.
class Score {
 public:
  Score(Task const& task, at::Tensor const& row) : task_(task) {
    if (in_host_memory(row)) sums_ = torch::zeros({2}, torch::kFloat64);
  }

  /// For Model::train_pass.
  at::Tensor& sums() { return sums_; }

  void add(at::Tensor outputs, at::Tensor targets) {
    samples_ += outputs.size(0);
    if (sums_.defined()) return;
    kept_ += outputs.size(0);
    outputs_.push_back(std::move(outputs));
    targets_.push_back(std::move(targets));
    if (kept_ >= kMostKept) judge();
  }

  TrainResult result() {
    if (!outputs_.empty()) judge();
    EvaluationSums sums;
    if (judged_.defined()) {
      sums = to_host(judged_).front();
    } else {
      sums = {.loss = sums_[0].item<double>(), .correct = {sums_[1].item<double>()}};
    }
    if (!task_.has_accuracy()) sums.correct.clear();
    return {.loss = sums.loss / static_cast<double>(samples_),
            .accuracy = accuracy(sums, samples_)};
  }

 private:
  static constexpr std::int64_t kMostKept = 8192;  // samples

  void judge() {
    auto const outputs = at::cat(outputs_);
    if (!judged_.defined()) judged_ = task_.sums(1, outputs);
    task_.add_sums(outputs, at::cat(targets_), judged_[0]);
    outputs_.clear();
    targets_.clear();
    kept_ = 0;
  }

  Task const& task_;
  at::Tensor sums_;    ///< in host memory, else undefined
  at::Tensor judged_;  ///< of a device
  std::vector<at::Tensor> outputs_, targets_;
  std::int64_t samples_ = 0, kept_ = 0;
};

}  // namespace

Trainer::Trainer(TrainerInput const& input)
    : experiment_(input.experiment),
      smoothed_(experiment_->config.train.label_smoothing > 0.0
                    ? experiment_->task->smoothed(experiment_->config.train.label_smoothing)
                    : nullptr),
      task_(smoothed_ ? smoothed_.get() : experiment_->task),
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
  if (needs_model_copy(train)) model_copy_ = input.device->zeros(rows.layout.model_size());
  if (!needs_gradient_row(train)) return;
  gradient_ = input.device->zeros(rows.layout.parameters().size);
  gradient_views_ = rows.view(gradient_);
}

at::Tensor Trainer::step(Batch const& batch, double lr, at::Tensor& sums) {
  if (!gradient_.defined()) {
    auto outputs = experiment_->model.train_pass(batch.inputs, batch.targets, *task_, weights_,
                                                 optimizer_->in_place(lr), sums);
    optimizer_->finish(lr);
    return outputs;
  }
  auto outputs = pass(batch, sums);
  auto const& train = experiment_->config.train;
  if (train.sam_rho > 0.0) pass_nearby(batch);
  if (correction_) correction_->correct(gradient_);
  if (train.clip > 0.0) clip_norm(gradient_, train.clip);
  optimizer_->step(gradient_, lr);
  return outputs;
}

/// The gradient of the batch's loss at the client's parameters, into the gradient row.
at::Tensor Trainer::pass(Batch const& batch, at::Tensor& sums) {
  return experiment_->model.train_pass(batch.inputs, batch.targets, *task_, weights_,
                                       {gradient_views_, 0.0, 1.0}, sums);
}

/// SAM (Foret et al., ICLR 2021, arXiv 2010.01412): the gradient that was found is replaced by that
/// of the same batch at the highest point nearby, as far as one gradient can tell: sam_rho from the
/// parameters, along it. Parameters and statistics are then as they were, and nothing is counted.
void Trainer::pass_nearby(Batch const& batch) {
  model_copy_.copy_(model_);
  add_along(parameters_, experiment_->config.train.sam_rho, gradient_);
  at::Tensor uncounted;
  pass(batch, uncounted);
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
  BatchOrder order(*data_, experiment_->partition.of(client), config, id, at_round);
  at::manual_seed(Random(config.run.seed, Purpose::dropout, id, at_round).next());
  auto const steps = experiment_->local_steps(client);
  Score score(*task_, weights_.parameters.front());
  local_round_.rates = 0.0;
  optimizer_->begin();
  if (correction_) begin_correction(client, round);
  for (std::int64_t step_number = 0; step_number < steps; ++step_number) {
    if (go_on && !go_on()) return std::nullopt;
    auto const batch = order.next();
    auto const lr = learning_rate(config.train, config.federation.rounds, round, step_number, steps,
                                  steps_before);
    score.add(step(batch, lr, score.sums()), batch.targets);
    local_round_.rates += lr;
  }
  optimizer_->end();
  if (correction_) correction_->end(local_round_);
  return score.result();
}

}  // namespace fedstrata
