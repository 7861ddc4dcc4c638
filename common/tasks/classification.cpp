#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

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
  double nobodys[2] = {};
  auto* totals = sums.defined() ? sums.data_ptr<double>() : nobodys;
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
/// log-probabilities, which are never above 0.
at::Tensor right_answers(at::Tensor const& logits, at::Tensor const& labels,
                         at::Tensor const& own) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return logits.argmax(1).eq(labels).logical_and_(own.gt(-kInfinity));
}

/// Adds the losses to `sum`, from log-probabilities [B, classes] and the label's [B, 1].
void add_losses(at::Tensor sum, at::Tensor const& log_p, at::Tensor const& own, double smoothing) {
  sum.sub_(own.sum(at::kDouble));
  if (smoothing == 0.0) return;
  sum.add_(own.sum(at::kDouble).sub_(log_p.mean(1).sum(at::kDouble)), smoothing);
}

/// By tensor operations alone: any device, any floating type. Of the mean over `batch` samples.
at::Tensor gradient_anywhere(at::Tensor const& logits, at::Tensor const& labels, at::Tensor& sums,
                             double smoothing, std::int64_t batch) {
  auto const column = labels.unsqueeze(1);
  if (sums.defined()) {
    auto const log_p = at::_log_softmax(logits, 1, false);
    auto const own = log_p.gather(1, column);
    add_losses(sums.select(0, 0), log_p, own, smoothing);
    sums.select(0, 1).add_(right_answers(logits, labels, own.squeeze(1)).sum());
  }
  auto gradient = at::_softmax(logits, 1, false);
  if (smoothing > 0.0) gradient.sub_(smoothing / static_cast<double>(logits.size(1)));
  gradient.scatter_(1, column, smoothing - 1.0, "add");
  return gradient.mul_(1.0 / static_cast<double>(batch));
}

/// Adds the right answers of each class to `counts`, in host memory; arguments as right_answers(),
/// in float64. One loop costs less than tensor operations.
void count_in_host_memory(at::Tensor const& logits, at::Tensor const& labels, at::Tensor const& own,
                          double* counts) {
  auto const classes = logits.size(1);
  auto const* row = logits.data_ptr<double>();
  auto const* label = labels.data_ptr<std::int64_t>();
  auto const* own_value = own.data_ptr<double>();
  for (std::int64_t i = 0; i < logits.size(0); ++i, row += classes, ++label, ++own_value) {
    bool const first = std::max_element(row, row + classes) - row == *label;
    if (first && std::isfinite(*own_value)) counts[*label] += 1.0;
  }
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
                 : gradient_anywhere(logits, labels, sums, smoothing_, logits.size(0));
  }

  at::Tensor gradients(at::Tensor const& logits, at::Tensor const& labels, std::int64_t batches,
                       at::Tensor& sums) const override {
    if (sums.defined() || in_host_memory(logits))
      return Task::gradients(logits, labels, batches, sums);
    return gradient_anywhere(logits, labels, sums, smoothing_, logits.size(0) / batches);
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

  void add_sums(at::Tensor const& outputs, at::Tensor const& labels,
                at::Tensor sums) const override {
    auto const logits = outputs.to(at::kDouble).contiguous();
    auto const log_p = at::log_softmax(logits, 1);
    auto const own = log_p.gather(1, labels.unsqueeze(1));
    add_losses(sums.select(0, 0), log_p, own, smoothing_);
    if (in_host_memory(logits))
      return count_in_host_memory(logits, labels.contiguous(), own, sums.data_ptr<double>() + 1);
    auto const right = right_answers(logits, labels, own.squeeze(1));
    sums.narrow(0, 1, logits.size(1)).index_add_(0, labels, right.to(at::kDouble));
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
