#include "common/data/evaluate.hpp"

#include <algorithm>
#include <limits>

namespace fedstrata {

std::int64_t evaluation_batches(std::int64_t samples) {
  return (samples + kEvaluationBatch - 1) / kEvaluationBatch;
}

EvaluationSums evaluate_batch(Model const& model, Task const& task, Weights const& weights,
                              Samples const& data, std::int64_t batch) {
  auto const first = batch * kEvaluationBatch;
  auto const samples = data.range(first, std::min(kEvaluationBatch, data.size() - first));
  return task.evaluate(model.evaluate(samples.inputs, weights), samples.targets);
}

EvaluationSums evaluate(Model const& model, Task const& task, Weights const& weights,
                        Samples const& data, std::function<void()> const& poll) {
  EvaluationSums sums;
  for (std::int64_t batch = 0; batch < evaluation_batches(data.size()); ++batch) {
    if (poll) poll();
    sums.add(evaluate_batch(model, task, weights, data, batch));
  }
  return sums;
}

double accuracy(EvaluationSums const& sums, std::int64_t samples) {
  if (sums.correct.empty()) return std::numeric_limits<double>::quiet_NaN();
  double correct = 0.0;
  for (auto const c : sums.correct) correct += c;
  return correct / static_cast<double>(samples);
}

double local_accuracy(std::span<double const> correct, std::span<std::int64_t const> test_counts,
                      std::span<std::int64_t const> own) {
  double sum = 0.0;
  std::int64_t total = 0;
  for (std::size_t c = 0; c < own.size(); ++c) {
    if (test_counts[c] == 0) continue;
    sum += static_cast<double>(own[c]) * correct[c] / static_cast<double>(test_counts[c]);
    total += own[c];
  }
  return total > 0 ? sum / static_cast<double>(total) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace fedstrata
