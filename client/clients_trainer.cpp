// What Trainer does for one client, for several at once: what differs is who is looped over. The
// order of all their samples in a round goes to the device at once, step by step and in a step
// client by client, so that a step takes one piece of it.
#include "client/clients_trainer.hpp"

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <utility>

#include "client/algorithms/algorithms.hpp"
#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/data/evaluate.hpp"
#include "common/federation/epoch_batches.hpp"

namespace fedstrata {
namespace {

/// A client's samples of a round, in the order in which Trainer takes them.
std::vector<std::int64_t> round_samples(Experiment const& experiment, std::int64_t client,
                                        std::int64_t round, std::int64_t count) {
  auto const own = experiment.partition.of(client);
  std::vector<std::int64_t> indices(own.begin(), own.end()), all;
  EpochBatches const batches(std::ssize(indices), experiment.config.train);
  Random shuffle(experiment.config.run.seed, Purpose::shuffle, static_cast<std::uint64_t>(client),
                 static_cast<std::uint64_t>(round));
  while (std::ssize(all) < count) {
    shuffle.shuffle(indices);
    all.insert(all.end(), indices.begin(),
               indices.begin() + static_cast<std::ptrdiff_t>(batches.samples()));
  }
  return all;
}

/// Losses and correct answers of each client.
class Scores {
 public:
  Scores(Task const& task, at::Tensor const& state, std::int64_t clients)
      : task_(task), clients_(clients) {
    if (in_host_memory(state)) sums_ = torch::zeros({clients, 2}, torch::kFloat64);
  }

  /// For Model::train_pass.
  at::Tensor& sums() { return sums_; }

  void add(at::Tensor const& outputs, at::Tensor const& targets) {
    samples_ += outputs.size(0) / clients_;
    if (sums_.defined()) return;
    kept_ += outputs.size(0) / clients_;
    outputs_.push_back(outputs.unflatten(0, {clients_, -1}));
    targets_.push_back(targets.unflatten(0, {clients_, -1}));
    if (kept_ >= kMostKept) judge();
  }

  std::vector<TrainResult> results() {
    if (!outputs_.empty()) judge();
    std::vector<EvaluationSums> all;
    if (judged_.defined()) {
      all = to_host(judged_);
    } else {
      for (std::int64_t k = 0; k < clients_; ++k)
        all.push_back(
            {.loss = sums_[k][0].item<double>(), .correct = {sums_[k][1].item<double>()}});
    }
    std::vector<TrainResult> results;
    for (auto& sums : all) {
      if (!task_.has_accuracy()) sums.correct.clear();
      results.push_back({.loss = sums.loss / static_cast<double>(samples_),
                         .accuracy = accuracy(sums, samples_)});
    }
    return results;
  }

 private:
  static constexpr std::int64_t kMostKept = 8192;  // samples of a client, as in Trainer

  void judge() {
    auto const outputs = at::cat(outputs_, 1);
    auto const targets = at::cat(targets_, 1);
    if (!judged_.defined()) judged_ = task_.sums(clients_, outputs[0]);
    for (std::int64_t k = 0; k < clients_; ++k) task_.add_sums(outputs[k], targets[k], judged_[k]);
    outputs_.clear();
    targets_.clear();
    kept_ = 0;
  }

  Task const& task_;
  std::int64_t clients_;
  at::Tensor sums_;    ///< [clients, 2] in host memory, else undefined
  at::Tensor judged_;  ///< of a device
  std::vector<at::Tensor> outputs_, targets_;
  std::int64_t samples_ = 0, kept_ = 0;  ///< of each client
};

}  // namespace

std::vector<std::int64_t> round_batches(Experiment const& experiment, std::int64_t client) {
  EpochBatches const batches(experiment.partition.samples(client), experiment.config.train);
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(experiment.local_steps(client)));
  for (std::size_t i = 0; i < sizes.size(); ++i)
    sizes[i] = batches.size(static_cast<std::int64_t>(i) % batches.count());
  return sizes;
}

ClientsTrainer::ClientsTrainer(TrainerInput const& input)
    : experiment_(input.experiment),
      device_(input.device),
      smoothed_(experiment_->config.train.label_smoothing > 0.0
                    ? experiment_->task->smoothed(experiment_->config.train.label_smoothing)
                    : nullptr),
      task_(smoothed_ ? smoothed_.get() : experiment_->task),
      data_(input.data),
      state_(input.state) {}

ClientsTrainer::Rows const& ClientsTrainer::rows(std::int64_t clients) {
  auto& rows = rows_[clients];
  if (rows.optimizer) return rows;
  auto const& train = experiment_->config.train;
  LocalRows const local{.model = &experiment_->model,
                        .layout = experiment_->state(),
                        .state = state_.narrow(0, 0, clients)};
  rows.optimizer = make_optimizer(train);
  rows.optimizer->attach(local);
  rows.weights = local.view(local.parameters());
  if (needs_gradient_row(train)) {
    auto const size = local.layout.parameters().size;
    rows.gradient = device_->zeros(clients * size).view({clients, size});
    rows.gradient_views = local.view(rows.gradient);
  }
  return rows;
}

std::optional<std::vector<TrainResult>> ClientsTrainer::train(std::span<std::int64_t const> clients,
                                                              std::int64_t round,
                                                              std::int64_t steps_before,
                                                              std::function<bool()> const& go_on) {
  c10::InferenceMode const no_gradients;
  auto const& config = experiment_->config;
  ProductsInTf32 const products(config.train.precision == "tf32");
  auto const count = std::ssize(clients);
  auto const sizes = round_batches(*experiment_, clients.front());
  std::int64_t samples = 0;
  for (auto const size : sizes) samples += size;
  std::vector<std::vector<std::int64_t>> own;
  for (auto const client : clients)
    own.push_back(round_samples(*experiment_, client, round, samples));
  std::vector<std::int64_t> all;
  for (std::int64_t first = 0; auto const size : sizes) {
    for (auto const& indices : own) {
      auto const from = indices.begin() + static_cast<std::ptrdiff_t>(first);
      all.insert(all.end(), from, from + static_cast<std::ptrdiff_t>(size));
    }
    first += size;
  }
  auto const order = data_->order(all);
  auto const& rows = this->rows(count);
  Scores scores(*task_, state_, count);
  rows.optimizer->begin();
  std::int64_t position = 0;
  for (std::size_t step = 0; step < sizes.size(); ++step) {
    if (go_on && !go_on()) return std::nullopt;
    auto const batch = data_->gather(order, position, count * sizes[step]);
    position += count * sizes[step];
    auto const lr = learning_rate(config.train, config.federation.rounds, round,
                                  static_cast<std::int64_t>(step), std::ssize(sizes), steps_before);
    auto const pass = [&](GradientTarget const& into) {
      scores.add(experiment_->model.train_pass(batch.inputs, batch.targets, *task_, rows.weights,
                                               into, scores.sums()),
                 batch.targets);
    };
    if (rows.gradient.defined()) {
      pass({rows.gradient_views, 0.0, 1.0});
      rows.optimizer->step(rows.gradient, lr);
    } else {
      pass(rows.optimizer->in_place(lr));
      rows.optimizer->finish(lr);
    }
  }
  rows.optimizer->end();
  return scores.results();
}

}  // namespace fedstrata
