#include "common/data/evaluate.hpp"

#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace fedstrata {

std::int64_t evaluation_batches(std::int64_t samples) {
  return (samples + kEvaluationBatch - 1) / kEvaluationBatch;
}

std::vector<EvaluationSums> evaluate_batches(Model const& model, Task const& task,
                                             Weights const& weights, Samples const& data,
                                             std::span<std::int64_t const> batches,
                                             std::function<void()> const& poll) {
  at::Tensor sums;  // [batches, what the task counts]
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (poll) poll();
    auto const first = batches[i] * kEvaluationBatch;
    auto const samples = data.range(first, std::min(kEvaluationBatch, data.size() - first));
    auto const outputs = model.evaluate(samples.inputs, weights);
    if (!sums.defined()) sums = task.sums(std::ssize(batches), outputs);
    task.add_sums(outputs, samples.targets, sums[static_cast<std::int64_t>(i)]);
  }
  return sums.defined() ? to_host(sums) : std::vector<EvaluationSums>();
}

EvaluationSums evaluate(Model const& model, Task const& task, Weights const& weights,
                        Samples const& data, std::function<void()> const& poll) {
  std::vector<std::int64_t> batches(static_cast<std::size_t>(evaluation_batches(data.size())));
  std::iota(batches.begin(), batches.end(), 0);
  EvaluationSums sums;
  for (auto const& batch : evaluate_batches(model, task, weights, data, batches, poll))
    sums.add(batch);
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
