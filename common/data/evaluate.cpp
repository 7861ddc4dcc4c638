#include "common/data/evaluate.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <limits>

namespace fedstrata {

void ClassSums::add(ClassSums const& other) {
  loss += other.loss;
  correct.resize(std::max(correct.size(), other.correct.size()), 0.0);
  for (std::size_t c = 0; c < other.correct.size(); ++c) correct[c] += other.correct[c];
}

std::int64_t evaluation_batches(std::int64_t samples) {
  return (samples + kEvaluationBatch - 1) / kEvaluationBatch;
}

ClassSums evaluate_batch(Model const& model, Weights const& weights, Batches const& data,
                         std::int64_t batch) {
  auto const first = batch * kEvaluationBatch;
  auto const [images, labels] = data.range(first, std::min(kEvaluationBatch, data.size() - first));
  auto const logits = model.evaluate(images, weights).to(torch::kFloat64);
  auto const nll = at::log_softmax(logits, 1).gather(1, labels.unsqueeze(1)).neg().sum();
  auto const right = logits.argmax(1).eq(labels).cpu();
  auto const host_labels = labels.cpu();
  ClassSums sums;
  sums.loss = nll.item<double>();
  sums.correct.assign(static_cast<std::size_t>(logits.size(1)), 0.0);
  for (std::int64_t i = 0; i < right.numel(); ++i) {
    auto const label = static_cast<std::size_t>(host_labels.data_ptr<std::int64_t>()[i]);
    sums.correct[label] += right.data_ptr<bool>()[i] ? 1.0 : 0.0;
  }
  return sums;
}

ClassSums evaluate(Model const& model, Weights const& weights, Batches const& data,
                   std::function<void()> const& poll) {
  ClassSums sums;
  for (std::int64_t batch = 0; batch < evaluation_batches(data.size()); ++batch) {
    if (poll) poll();
    sums.add(evaluate_batch(model, weights, data, batch));
  }
  return sums;
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
