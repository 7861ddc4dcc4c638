#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/device/device.hpp"
#include "common/tasks/tasks.hpp"

namespace fedstrata {
namespace {

struct RowLoss {
  double largest = 0.0;
  double sum = 0.0;  ///< of exp(logit - largest)
  double loss = 0.0;
  bool right = false;  ///< is the first largest logit the label's?
};

RowLoss row_loss(std::span<float const> logits, std::size_t label) {
  auto const largest = std::max_element(logits.begin(), logits.end());
  RowLoss result{*largest};
  for (auto const x : logits) result.sum += std::exp(x - result.largest);
  result.loss = std::log(result.sum) + result.largest - logits[label];
  result.right =
      largest - logits.begin() == static_cast<std::ptrdiff_t>(label) && std::isfinite(result.loss);
  return result;
}

/// A matrix [B, classes] and labels [B] in host memory, one row at a time.
class Rows {
 public:
  Rows(at::Tensor const& logits, at::Tensor const& labels)
      : logits_(logits.data_ptr<float>()),
        labels_(labels.data_ptr<std::int64_t>()),
        classes_(static_cast<std::size_t>(logits.size(1))) {}

  std::span<float const> logits(std::int64_t row) const {
    return {logits_ + static_cast<std::size_t>(row) * classes_, classes_};
  }
  std::size_t label(std::int64_t row) const { return static_cast<std::size_t>(labels_[row]); }

 private:
  float const* logits_;
  std::int64_t const* labels_;
  std::size_t classes_;
};

double sum_of(std::span<float const> values) {
  double sum = 0.0;
  for (auto const x : values) sum += static_cast<double>(x);
  return sum;
}

// `smoothing`: share of each label that is spread over all classes. The loss is then (1 -
// smoothing) times that of the label plus smoothing times the mean of those of all classes.

at::Tensor gradient_in_host_memory(at::Tensor const& logits, at::Tensor const& labels,
                                   at::Tensor& sums, double smoothing) {
  auto gradient = at::empty_like(logits);
  auto const batch = logits.size(0);
  auto const share = 1.0 / static_cast<double>(batch);
  auto* out = gradient.data_ptr<float>();
  auto* totals = sums.data_ptr<double>();
  auto const classes = static_cast<double>(logits.size(1));
  auto const spread = smoothing / classes * share;
  auto const own = static_cast<float>((1.0 - smoothing) * share);
  Rows const rows(logits, labels);
  for (std::int64_t i = 0; i < batch; ++i) {
    auto const row = rows.logits(i);
    auto const [largest, sum, loss, right] = row_loss(row, rows.label(i));
    totals[0] += loss;
    if (smoothing > 0.0) {  // the label's loss is farther from the classes' mean by this
      totals[0] += smoothing * (static_cast<double>(row[rows.label(i)]) - sum_of(row) / classes);
    }
    totals[1] += right ? 1.0 : 0.0;
    for (auto const x : row) {
      *out++ = static_cast<float>(std::exp(x - largest) / sum * share - spread);
    }
    *(out - row.size() + rows.label(i)) -= own;
  }
  return gradient;
}

/// bool [B]: is the first largest logit the label's, with a finite loss? `own` holds the label's
/// log-probabilities. argmax would not do: on a GPU it may name any of several largest logits.
at::Tensor right_answers(at::Tensor const& logits, at::Tensor const& labels,
                         at::Tensor const& own) {
  auto const classes = at::arange(logits.size(1), labels.options());
  auto const largest = logits.eq(logits.amax(1, true));
  auto const first = at::where(largest, classes, logits.size(1)).amin(1);
  return first.eq(labels).logical_and_(own.isfinite());
}

/// By tensor operations alone: any device, any floating type.
at::Tensor gradient_anywhere(at::Tensor const& logits, at::Tensor const& labels, at::Tensor& sums,
                             double smoothing) {
  auto const log_p = at::_log_softmax(logits, 1, false);
  auto const column = labels.unsqueeze(1);
  auto const own = log_p.gather(1, column);
  sums.select(0, 0).sub_(own.sum(at::kDouble));
  sums.select(0, 1).add_(right_answers(logits, labels, own.squeeze(1)).sum());
  auto gradient = log_p.exp();
  if (smoothing > 0.0) {
    sums.select(0, 0).add_(own.sum(at::kDouble).sub_(log_p.mean(1).sum(at::kDouble)), smoothing);
    gradient.sub_(smoothing / static_cast<double>(logits.size(1)));
  }
  gradient.scatter_add_(1, column, at::full_like(own, smoothing - 1.0));
  return gradient.mul_(1.0 / static_cast<double>(logits.size(0)));
}

/// The class of a sample, out of a fixed number. Outputs are logits [B, classes], targets labels
/// int64 [B]. The loss is the cross-entropy (nats), the error 1 for a wrong answer and 0 for a
/// right one; a loss that is not finite counts as wrong.
class Classification : public Task {
 public:
  explicit Classification(double smoothing = 0.0) : smoothing_(smoothing) {}

  at::Tensor gradient(at::Tensor const& logits, at::Tensor const& labels,
                      at::Tensor& sums) const override {
    // In host memory one loop costs a tenth of the tensor operations: much, for a small model.
    bool const plain = in_host_memory(logits) && logits.scalar_type() == at::kFloat;
    return plain ? gradient_in_host_memory(logits, labels, sums, smoothing_)
                 : gradient_anywhere(logits, labels, sums, smoothing_);
  }

  std::unique_ptr<Task> smoothed(double share) const override {
    return std::make_unique<Classification>(share);
  }

  void judge(at::Tensor const& logits, at::Tensor const& labels, std::span<double> losses,
             std::span<float> errors) const override {
    auto const host = logits.to(at::kCPU, at::kFloat).contiguous();
    auto const host_labels = labels.to(at::kCPU).contiguous();
    Rows const rows(host, host_labels);
    for (std::size_t i = 0; i < losses.size(); ++i) {
      auto const at = static_cast<std::int64_t>(i);
      auto const row = row_loss(rows.logits(at), rows.label(at));
      losses[i] = row.loss;
      errors[i] = row.right ? 0.0F : 1.0F;
    }
  }

  EvaluationSums evaluate(at::Tensor const& outputs, at::Tensor const& labels) const override {
    auto const logits = outputs.to(at::kDouble);
    auto const own = at::log_softmax(logits, 1).gather(1, labels.unsqueeze(1));
    auto const nll = own.neg().sum();
    auto const right = right_answers(logits, labels, own.squeeze(1)).cpu();
    auto const host_labels = labels.cpu();
    EvaluationSums sums;
    sums.loss = nll.item<double>();
    sums.correct.assign(static_cast<std::size_t>(logits.size(1)), 0.0);
    for (std::int64_t i = 0; i < right.numel(); ++i) {
      auto const label = static_cast<std::size_t>(host_labels.data_ptr<std::int64_t>()[i]);
      sums.correct[label] += right.data_ptr<bool>()[i] ? 1.0 : 0.0;
    }
    return sums;
  }

  bool has_accuracy() const override { return true; }

 private:
  double smoothing_;  ///< of labels, in training
};

}  // namespace

Task const& classification_task() {
  static Classification const task;
  return task;
}

}  // namespace fedstrata
