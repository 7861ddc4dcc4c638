#include "server/averaging/round_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

// The client ranks report each what they trained and evaluated. A round's metrics are made once all
// have, and in an order of clients and batches that does not depend on who hosted them.

namespace fedstrata {
namespace {

double mean(std::vector<double> const& values) {
  if (values.empty()) return kAbsent;
  double sum = 0.0;
  for (auto const v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

/// Mean of the worst (smallest) tenth, at least one.
double worst_decile(std::vector<double> values) {
  if (values.empty()) return kAbsent;
  std::ranges::sort(values);
  values.resize(std::max<std::size_t>(1, values.size() / 10));
  return mean(values);
}

std::vector<double> column(std::vector<ClientRecord> const& clients, double ClientRecord::*field) {
  std::vector<double> values;
  for (auto const& client : clients) {
    if (!std::isnan(client.*field)) values.push_back(client.*field);
  }
  return values;
}

/// Loss and correct answers of the global model over the whole test set, added in the order of the
/// batches whichever ranks took them.
GlobalTest add_batches(std::vector<RoundReport> const& reports, std::size_t classes) {
  std::vector<TestBatch const*> batches;
  for (auto const& report : reports) {
    for (auto const& batch : report.test_batches) batches.push_back(&batch);
  }
  if (batches.empty()) return std::nullopt;
  std::ranges::sort(batches, {}, &TestBatch::batch);
  EvaluationSums sum;
  sum.correct.assign(classes, 0.0);
  for (auto const* batch : batches) {
    sum.loss += batch->loss;
    for (std::size_t c = 0; c < classes; ++c) sum.correct[c] += batch->correct[c];
  }
  return sum;
}

}  // namespace

RoundMetrics::RoundMetrics(Experiment const& experiment, std::vector<std::int64_t> test_counts)
    : experiment_(&experiment), test_counts_(std::move(test_counts)) {}

namespace {

/// Participants of all reports in order of their ids, with their distances.
std::vector<Participant> collect(std::vector<RoundReport> const& reports) {
  std::vector<Participant> all;
  for (auto const& report : reports) {
    auto compared = report.distances.begin();
    for (auto const& client : report.clients) {
      bool const found = compared != report.distances.end() && compared->client == client.client;
      all.push_back({client, found ? &*compared++ : nullptr});
    }
  }
  std::ranges::sort(all, {}, [](auto const& p) { return p.record.client; });
  return all;
}

void fill_training(RoundRecord& row, std::vector<Participant> const& all) {
  double samples = 0.0;
  double loss = 0.0;
  double right = 0.0;
  for (auto const& [client, distances] : all) {
    if (client.excluded != 0) continue;
    auto const n = static_cast<double>(client.samples);
    samples += n;
    loss += n * client.train_loss;
    right += n * client.train_accuracy;
  }
  if (samples == 0.0) return;
  row.train_loss = loss / samples;
  row.train_accuracy = right / samples;
}

void fill_clients(RoundRecord& row, std::vector<ClientRecord> const& clients) {
  using C = ClientRecord;
  row.test_loss_before = mean(column(clients, &C::test_loss_before));
  row.test_loss_after = mean(column(clients, &C::test_loss_after));
  row.test_accuracy_before = mean(column(clients, &C::test_accuracy_before));
  row.test_accuracy_after = mean(column(clients, &C::test_accuracy_after));
  row.test_accuracy_local_before = mean(column(clients, &C::test_accuracy_local_before));
  row.test_accuracy_local_after = mean(column(clients, &C::test_accuracy_local_after));
  row.test_accuracy_before_worst = worst_decile(column(clients, &C::test_accuracy_before));
  row.test_accuracy_after_worst = worst_decile(column(clients, &C::test_accuracy_after));
  row.test_accuracy_local_before_worst =
      worst_decile(column(clients, &C::test_accuracy_local_before));
  row.test_accuracy_local_after_worst =
      worst_decile(column(clients, &C::test_accuracy_local_after));
}

void fill_times(RoundRecord& row, std::vector<RoundReport> const& reports) {
  std::vector<double> train, wait, evaluate;
  for (auto const& report : reports) {
    train.push_back(report.times.train);
    wait.push_back(report.times.wait);
    evaluate.push_back(report.times.evaluate);
  }
  row.seconds_train = mean(train);
  row.seconds_wait = mean(wait);
  row.seconds_evaluate = mean(evaluate);
}

}  // namespace

RoundRecord RoundMetrics::record(std::int64_t round, RoundParts const& parts,
                                 std::vector<RoundReport> const& reports, RoundTimes const& times) {
  auto all = collect(reports);
  RoundRecord row;
  row.round = round;
  row.participants = static_cast<std::int64_t>(all.size());
  row.seconds_round = times.round;
  row.seconds_aggregate = times.aggregate;
  if (round > 0) {
    auto const& config = experiment_->config;
    row.bytes = 2 * row.participants * experiment_->schedule.due_elements(round) * 4;
    row.lr =
        learning_rate(config.train, config.federation.rounds, round, 0, 1, config.train.warmup);
  }
  fill_global(row, parts,
              add_batches(reports, static_cast<std::size_t>(experiment_->dataset.classes())), all);
  std::vector<ClientRecord> clients;
  for (auto const& participant : all) clients.push_back(participant.record);
  fill_training(row, all);
  fill_clients(row, clients);
  fill_times(row, reports);
  metrics_.add(row);
  for (auto const& client : clients) metrics_.add(client);
  if (round > 0) {
    record_layers(round, parts, all);
    record_averaged(row, parts);
  }
  return row;
}

void RoundMetrics::fill_global(RoundRecord& row, RoundParts const& parts, GlobalTest const& global,
                               std::vector<Participant>& all) const {
  if (!global) return;
  auto const count = experiment_->dataset.test_count;
  row.test_loss = global->loss / static_cast<double>(count);
  row.test_accuracy = accuracy(*global, count);
  if (!parts.all_averaged) return;
  // Every client holds the global model now.
  for (auto& [client, distances] : all) {
    client.test_loss_after = row.test_loss;
    client.test_accuracy_after = row.test_accuracy;
    client.test_accuracy_local_after = local_accuracy(
        global->correct, test_counts_, experiment_->partition.histogram_of(client.client));
  }
}

void RoundMetrics::record_layers(std::int64_t round, RoundParts const& parts,
                                 std::vector<Participant> const& all) {
  std::vector<std::int64_t> compared;
  for (auto const& participant : all) {
    if (participant.distances != nullptr) compared.push_back(participant.record.client);
  }
  auto const weights = experiment_->weights(compared);
  auto const& layers = experiment_->model.table().layers;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    LayerRecord record;
    record.round = round;
    record.layer = layers[layer].name;
    record.averaged = std::ranges::binary_search(parts.due_layers, static_cast<int>(layer)) ? 1 : 0;
    double distance = 0.0;
    double cosine = 0.0;
    auto weight = weights.begin();
    for (auto const& participant : all) {
      if (participant.distances == nullptr) continue;
      distance += *weight * participant.distances->squared[layer];
      cosine += *weight++ * participant.distances->cosines[layer];
    }
    if (!compared.empty()) {
      record.divergence = std::sqrt(distance);
      record.cosine = cosine;
    }
    metrics_.add(record);
  }
}

void RoundMetrics::record_averaged(RoundRecord const& round, RoundParts const& parts) {
  for (auto const index : parts.due_layers) {
    auto const& layer = experiment_->model.table().layers[static_cast<std::size_t>(index)];
    auto const elements = layer.parameters.size + layer.buffers.size;
    metrics_.add(AveragedRecord{.round = round.round,
                                .group = experiment_->schedule.group_of(index),
                                .layer = layer.name,
                                .elements = elements,
                                .bytes = 2 * round.participants * elements * 4});
  }
}

MetricsSegment RoundMetrics::take() {
  auto segment = std::exchange(metrics_, {});
  if (!segment.rows<RoundRecord>().empty()) {
    segment.first = segment.rows<RoundRecord>().front().round;
    segment.last = segment.rows<RoundRecord>().back().round;
  }
  return segment;
}

}  // namespace fedstrata
