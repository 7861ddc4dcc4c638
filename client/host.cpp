#include "client/host.hpp"

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <utility>

#include "client/clients_at_once.hpp"
#include "common/base/error.hpp"
#include "common/base/process/stop.hpp"
#include "common/federation/layout.hpp"

// Many clients live on one rank. The network exists once; each client is a row that it is pointed
// at, and only what a client keeps between rounds is stored for it (see docs/architecture.md, "A
// round"). All that leaves the rank is slices of such rows, so nothing here knows parameters by
// name.

namespace fedstrata {
namespace {

at::Tensor tensor_view(std::span<float const> row) {
  return torch::from_blob(const_cast<float*>(row.data()), {static_cast<std::int64_t>(row.size())});
}

}  // namespace

ClientHost::ClientHost(ClientHostInput input)
    : experiment_(input.experiment),
      device_(input.device),
      test_(input.test),
      clients_(std::move(input.clients)),
      rank_(input.rank),
      ranks_(input.ranks),
      sink_(std::move(input.sink)),
      poll_(input.poll ? std::move(input.poll) : [] {}),
      layout_(experiment_->state()),
      own_parts_(experiment_->own_parts()),
      state_(device_->zeros(layout_.size())),
      global_(device_->zeros(layout_.size())),
      trainer_({.experiment = experiment_,
                .device = device_,
                .data = input.train,
                .state = state_,
                .global = global_}),
      at_once_(std::min(clients_at_once(*experiment_, device_->is_host()), most_here())),
      weights_(experiment_->model.view(narrow(state_, layout_.parameters()),
                                       narrow(state_, layout_.buffers()))),
      global_weights_(experiment_->model.view(narrow(global_, layout_.parameters()),
                                              narrow(global_, layout_.buffers()))),
      test_counts_(test_->class_counts()) {
  if (at_once_ <= 1) return;
  states_ = device_->zeros(at_once_ * layout_.size()).view({at_once_, layout_.size()});
  together_.emplace(TrainerInput{
      .experiment = experiment_, .device = device_, .data = input.train, .state = states_});
}

/// The participants of a round that this rank can have at most.
std::int64_t ClientHost::most_here() const {
  auto const taking_part = std::ssize(experiment_->participants(1));
  return std::max<std::int64_t>(
      1, own_parts_.empty() ? taking_part : std::min(taking_part, std::ssize(clients_)));
}

at::Tensor ClientHost::initial(std::int64_t client) const {
  std::vector<float> row(static_cast<std::size_t>(layout_.size()), 0.0F);
  auto const parameters = static_cast<std::size_t>(layout_.parameters().size);
  experiment_->model.initialize(
      std::span(row).first(parameters),
      std::span(row).subspan(parameters, static_cast<std::size_t>(layout_.buffers().size)),
      experiment_->config.run.seed, experiment_->init_stream(client));
  auto state = device_->row(layout_.size());
  device_->upload(row, state);
  return state;
}

void ClientHost::add_initial(ExactSum& sum) {
  auto const weights = experiment_->weights(experiment_->all_clients());
  for (auto const client : clients_) {
    auto const state = initial(client);
    auto const row = device_->host_view(state, staging_);
    require(sum.add(row, weights[static_cast<std::size_t>(client)]) < 0, "initial values overflow");
  }
}

void ClientHost::start(std::span<float const> global) {
  device_->upload(global, global_);
  bool const write = experiment_->wanted(0).keep_before;
  if (own_parts_.empty() && !write) return;
  for (auto const client : clients_) {
    state_.copy_(initial(client));
    store(client);
    if (write) emit(0, client, RowUse::before, device_->host_view(state_, staging_));
  }
}

void ClientHost::load(std::int64_t client, std::int64_t round, at::Tensor const& state) {
  bool const own_start = round == 1 && experiment_->config.model.init == Init::different;
  state.copy_(own_start ? initial(client) : global_);
  if (own_parts_.empty()) return;
  auto const& own = own_.at(client);
  for (auto const& part : own_parts_) {
    narrow(state, part.slice).copy_(narrow(own, part.packed));
  }
}

void ClientHost::store(std::int64_t client) {
  if (own_parts_.empty()) return;
  auto& own = own_[client];
  if (!own.defined()) own = device_->row(own_parts_.size());
  for (auto const& part : own_parts_) narrow(own, part.packed).copy_(narrow(state_, part.slice));
}

void ClientHost::resume(std::int64_t round, std::span<float const> global,
                        std::function<void(std::int64_t, std::span<float>)> const& read_own) {
  device_->upload(global, global_);
  for (std::int64_t r = 1; r <= round; ++r) count_steps(r);
  if (own_parts_.empty()) return;
  std::vector<float> row(static_cast<std::size_t>(own_parts_.size()));
  for (auto const client : clients_) {
    read_own(client, row);
    auto packed = device_->row(std::ssize(row));
    device_->upload(row, packed);
    own_[client] = packed;
  }
}

void ClientHost::save(std::int64_t round) {
  for (auto const& [client, packed] : own_) {
    sink_({round, client, RowUse::state}, device_->host_view(packed, staging_));
  }
}

void ClientHost::count_steps(std::int64_t round) {
  if (experiment_->config.train.warmup == 0) return;
  for (auto const client : experiment_->participants(round)) {
    steps_done_[client] += experiment_->local_steps(client);
  }
}

void ClientHost::emit(std::int64_t round, std::int64_t client, RowUse use,
                      std::span<float const> row) {
  sink_({round, client, use}, row.first(static_cast<std::size_t>(layout_.model_size())));
}

/// -1 when all is well; else the first layer that is not finite or too large to be averaged.
int ClientHost::diverged_layer(std::span<float const> row, double loss, ExactSum& sum,
                               std::span<double const> weights) const {
  auto const& layers = experiment_->model.table().layers;
  bool const suspicious = !std::isfinite(loss);
  for (std::size_t i = 0; i < layers.size() && (suspicious || !own_parts_.empty()); ++i) {
    auto const values = elements(row, layers[i].parameters);
    if (!std::isfinite(kernels::max_magnitude(values))) return static_cast<int>(i);
  }
  if (suspicious) return static_cast<int>(layers.size()) - 1;
  return sum.add(row, weights);
}

bool ClientHost::train_one(std::int64_t client, std::int64_t round, std::span<double const> weights,
                           ExactSum& sum, std::function<bool()> const& go_on) {
  Stopwatch const watch;
  load(client, round, state_);
  auto const result = trainer_.train(client, round, steps_done_[client], go_on);
  if (result) add_trained(client, round, weights, sum, *result, watch, 0.0);
  return result.has_value();
}

bool ClientHost::train_together(std::span<std::int64_t const> clients, std::int64_t round,
                                std::vector<std::vector<double>> const& weights, ExactSum& sum,
                                std::function<bool()> const& go_on) {
  Stopwatch const watch;
  for (std::size_t k = 0; k < clients.size(); ++k)
    load(clients[k], round, states_[static_cast<std::int64_t>(k)]);
  auto const results = together_->train(clients, round, steps_done_[clients.front()], go_on);
  if (!results) return false;
  auto const each = watch.seconds() / static_cast<double>(clients.size());
  for (std::size_t k = 0; k < clients.size(); ++k) {
    Stopwatch const own;
    state_.copy_(states_[static_cast<std::int64_t>(k)]);
    add_trained(clients[k], round, weights[k], sum, (*results)[k], own, each);
  }
  return true;
}

/// Of a client whose state, as trained, is in the row: `watch` has run since its own work began,
/// beside its share of the work for several.
void ClientHost::add_trained(std::int64_t client, std::int64_t round,
                             std::span<double const> weights, ExactSum& sum,
                             TrainResult const& result, Stopwatch const& watch, double share) {
  Trained trained;
  trained.record.round = round;
  trained.record.client = client;
  trained.record.samples = experiment_->partition.samples(client);
  trained.record.train_loss = result.loss;
  trained.record.train_accuracy = result.accuracy;
  trained.record.run_rank = rank_;
  auto const row = device_->host_view(state_, staging_);
  int const layer = diverged_layer(row, result.loss, sum, weights);
  trained.record.seconds_train = share + watch.seconds();
  times_.train += trained.record.seconds_train;
  if (experiment_->wanted(round).before()) emit(round, client, RowUse::before, row);
  if (layer >= 0) {
    auto const loss = std::isfinite(result.loss) ? std::to_string(result.loss) : "not finite";
    std::string const what =
        "client " + std::to_string(client) + " diverged in round " + std::to_string(round) +
        " (layer " + experiment_->model.table().layers[static_cast<std::size_t>(layer)].name +
        ", training loss " + loss + ")";
    require(experiment_->config.federation.on_divergence == OnDivergence::exclude,
            what + "; lower " + experiment_->learning_rate_keys(round) +
                " or set federation.on_divergence = exclude");
    trained.record.excluded = 1;
  } else {
    store(client);
    trained.evaluated = std::ranges::binary_search(evaluated_, client);
    if (trained.evaluated) evaluate_own(trained.record, true);
    if (trained.evaluated || keeps_trained_) trained.state = state_.clone();
  }
  trained_.push_back(std::move(trained));
}

/// Participants that are trained together, by their places: as many as are wanted of those whose
/// batches have the same sizes and, while rates rise, that are as far in it. In order of the first.
std::vector<std::vector<std::size_t>> ClientHost::groups(
    std::vector<std::int64_t> const& participants, std::vector<bool> const& here) {
  auto const warmup = experiment_->config.train.warmup;
  using Course = std::pair<std::int64_t, std::vector<std::int64_t>>;
  std::map<Course, std::size_t> open;  // the group to which the next of its kind belongs
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < participants.size(); ++i) {
    if (!here[i]) continue;
    Course course;
    if (at_once_ > 1) {
      course = {std::min<std::int64_t>(warmup, steps_done_[participants[i]]),
                round_batches(*experiment_, participants[i])};
    }
    auto const found = open.find(course);
    if (found != open.end() && std::ssize(groups[found->second]) < at_once_) {
      groups[found->second].push_back(i);
    } else {
      open[course] = groups.size();
      groups.push_back({i});
    }
  }
  return groups;
}

/// Is the rest of a round, of which this share took so long, more than a stop may wait for?
bool ClientHost::too_long(double share, double seconds) const {
  auto const grace = experiment_->config.run.grace;
  return stop::requested(grace) && (share == 0.0 || seconds * (1.0 - share) / share > grace);
}

std::optional<std::vector<std::int64_t>> ClientHost::train(std::int64_t round, ExactSum& sum) {
  c10::InferenceMode const no_gradients;
  trained_.clear();
  times_ = {};
  auto const participants = experiment_->participants(round);
  evaluated_ = experiment_->evaluated_clients(round);
  keeps_trained_ =
      experiment_->compares(round) || !experiment_->parts(round).distant_layers.empty();
  auto const weightings = experiment_->weights(round);
  auto const here = trained_here(participants);
  Stopwatch const watch;
  double all = 0.0, done = 0.0, together = 1.0;  // steps; clients of which each is one
  for (std::size_t i = 0; i < participants.size(); ++i) {
    if (here[i]) all += static_cast<double>(experiment_->local_steps(participants[i]));
  }
  auto const go_on = [&] {
    poll_();
    if (too_long(done / all, watch.seconds())) return false;
    done += together;
    return true;
  };
  std::vector<std::int64_t> excluded;
  for (auto const& group : groups(participants, here)) {
    std::vector<std::int64_t> clients;
    std::vector<std::vector<double>> weights(group.size());
    for (std::size_t k = 0; k < group.size(); ++k) {
      clients.push_back(participants[group[k]]);
      for (auto const& of_all : weightings) weights[k].push_back(of_all[group[k]]);
    }
    together = static_cast<double>(group.size());
    bool const trained = group.size() == 1 ? train_one(clients[0], round, weights[0], sum, go_on)
                                           : train_together(clients, round, weights, sum, go_on);
    if (!trained) return std::nullopt;
  }
  std::ranges::sort(trained_, {}, [](Trained const& one) { return one.record.client; });
  for (auto const& one : trained_)
    if (one.record.excluded != 0) excluded.push_back(one.record.client);
  count_steps(round);
  return excluded;
}

/// Clients that keep something live on one rank. Others can be trained anywhere, so each round's
/// participants are dealt anew: as hosted, a rank may happen to have many of them, or none.
std::vector<bool> ClientHost::trained_here(std::vector<std::int64_t> const& participants) const {
  std::vector<bool> here;
  if (!own_parts_.empty()) {
    for (auto const id : participants) here.push_back(std::ranges::binary_search(clients_, id));
    return here;
  }
  auto const all = experiment_->loads();
  std::vector<std::int64_t> loads;
  for (auto const id : participants) loads.push_back(all[static_cast<std::size_t>(id)]);
  for (int const rank : host_clients(loads, ranks_)) here.push_back(rank == rank_);
  return here;
}

std::vector<double> ClientHost::distances(std::int64_t round, RoundParts const& parts,
                                          std::span<float const> mean) {
  c10::InferenceMode const no_gradients;
  std::vector<float> mean_row(static_cast<std::size_t>(layout_.size()), 0.0F);
  parts.averaged().unpack(mean, mean_row);
  auto const participants = experiment_->participants(round);
  auto const count = parts.distant_layers.size();
  std::vector<double> result(participants.size() * count, 0.0);
  for (auto const& trained : trained_) {
    if (trained.record.excluded != 0) continue;
    auto const place = std::ranges::lower_bound(participants, trained.record.client);
    auto const row = device_->host_view(trained.state, staging_);
    for (std::size_t i = 0; i < count; ++i) {
      auto const layer = static_cast<std::size_t>(parts.distant_layers[i]);
      auto const slice = experiment_->model.table().layers[layer].parameters;
      auto const sums =
          kernels::pair_sums(elements(row, slice), elements<float const>(mean_row, slice));
      result[static_cast<std::size_t>(place - participants.begin()) * count + i] =
          std::sqrt(sums.distance2);
    }
  }
  return result;
}

void ClientHost::apply(RoundParts const& parts, at::Tensor const& mean) {
  std::set<std::int64_t> averaged_slices;  // by their offset
  for (auto const& part : parts.averaged()) {
    narrow(global_, part.slice).copy_(narrow(mean, part.packed));
    averaged_slices.insert(part.slice.offset);
  }
  for (auto const& part : own_parts_) {
    bool const has_mean = averaged_slices.contains(part.slice.offset);
    bool const averaged = std::ranges::binary_search(parts.due_layers, part.layer);
    bool const reset =
        averaged && part.field >= 0 &&
        layout_.fields()[static_cast<std::size_t>(part.field)].at_averaging == AtAveraging::reset;
    for (auto& [client, row] : own_) {
      auto own = narrow(row, part.packed);
      if (has_mean) {
        own.copy_(narrow(global_, part.slice));
      } else if (reset) {
        own.zero_();
      }
    }
  }
}

void ClientHost::compare(RoundParts const& parts, std::span<float const> mean,
                         RoundReport& report) {
  std::vector<float> mean_row(static_cast<std::size_t>(layout_.size()), 0.0F);
  parts.parts.unpack(mean, mean_row);
  auto const& layers = experiment_->model.table().layers;
  for (auto& trained : trained_) {
    if (!trained.state.defined()) continue;
    auto const row = device_->host_view(trained.state, staging_);
    ClientDistances distances{.client = trained.record.client};
    double total = 0.0;
    for (auto const& layer : layers) {
      auto const p = kernels::pair_sums(elements(row, layer.parameters),
                                        elements<float const>(mean_row, layer.parameters));
      distances.squared.push_back(p.distance2);
      auto const norms = std::sqrt(p.aa) * std::sqrt(p.bb);
      distances.cosines.push_back(norms > 0.0 ? p.ab / norms : kAbsent);
      total += p.distance2;
    }
    trained.record.distance = std::sqrt(total);
    report.distances.push_back(std::move(distances));
  }
}

void ClientHost::evaluate_own(ClientRecord& record, bool before) {
  Stopwatch const watch;
  auto const sums = evaluate(experiment_->model, *experiment_->task, weights_, *test_, poll_);
  (before ? record.test_loss_before : record.test_loss_after) =
      sums.loss / static_cast<double>(test_->size());
  (before ? record.test_accuracy_before : record.test_accuracy_after) =
      accuracy(sums, test_->size());
  (before ? record.test_accuracy_local_before : record.test_accuracy_local_after) = local_accuracy(
      sums.correct, test_counts_, experiment_->partition.histogram_of(record.client));
  times_.evaluate += watch.seconds();
}

void ClientHost::evaluate_after(PackedParts const& due, at::Tensor const& mean) {
  for (auto& trained : trained_) {
    if (!trained.evaluated) continue;
    state_.copy_(trained.state);
    for (auto const& part : due) {
      narrow(state_, part.slice).copy_(narrow(mean, part.packed));
    }
    evaluate_own(trained.record, false);
  }
}

std::vector<TestBatch> ClientHost::evaluate_global() {
  Stopwatch const watch;
  std::vector<std::int64_t> mine;
  for (std::int64_t batch = rank_; batch < evaluation_batches(test_->size()); batch += ranks_)
    mine.push_back(batch);
  auto const sums = evaluate_batches(experiment_->model, *experiment_->task, global_weights_,
                                     *test_, mine, poll_);
  std::vector<TestBatch> batches;
  for (std::size_t i = 0; i < mine.size(); ++i)
    batches.push_back({.batch = mine[i], .loss = sums[i].loss, .correct = sums[i].correct});
  times_.evaluate += watch.seconds();
  return batches;
}

RoundReport ClientHost::finish(std::int64_t round, RoundParts const& parts,
                               std::span<float const> mean) {
  c10::InferenceMode const no_gradients;
  RoundReport report;
  report.round = round;
  auto const mean_row = device_->to_device(tensor_view(mean));
  apply(parts, mean_row);
  if (experiment_->compares(round)) compare(parts, mean, report);
  if (!parts.all_averaged) evaluate_after(parts.averaged(), mean_row);
  if (experiment_->evaluates_global(round)) report.test_batches = evaluate_global();
  for (auto const& trained : trained_) {
    report.clients.push_back(trained.record);
    if (!experiment_->wanted(round).after()) continue;
    load(trained.record.client, round + 1, state_);
    emit(round, trained.record.client, RowUse::after, device_->host_view(state_, staging_));
  }
  trained_.clear();
  report.times = times_;
  return report;
}

RoundReport ClientHost::report_initial() {
  c10::InferenceMode const no_gradients;
  times_ = {};
  RoundReport report;
  if (experiment_->evaluates_global(0)) report.test_batches = evaluate_global();
  report.times = times_;
  return report;
}

}  // namespace fedstrata
