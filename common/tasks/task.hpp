#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace fedstrata {

/// What an evaluation counts, summed over its samples.
struct EvaluationSums {
  double loss = 0.0;
  std::vector<double> correct =
      {};  ///< [classes] correct answers; empty for a task without classes

  void add(EvaluationSums const& other);
};

/// What Task::add_sums() left in the rows of a tensor: one copy from the device.
std::vector<EvaluationSums> to_host(at::Tensor const& sums);

/// What a model is asked to do: how its answers are judged, in training, in evaluations and at the
/// points of an analysis. Has no state, so one object serves all.
///
/// Everywhere `outputs` are a model's, float32 (float64 in tests) [B, outputs] on any device, and
/// `targets` what Samples gives for the same samples, on the same device.
class Task {
 public:
  virtual ~Task() = default;

  /// Gradient of the mean loss of the batch by `outputs`, in a new tensor of that shape. Adds (sum
  /// of the losses, number of correct answers) to `sums`, float64 [2] on the device, where it is
  /// defined; a task without correct answers adds none.
  virtual at::Tensor gradient(at::Tensor const& outputs, at::Tensor const& targets,
                              at::Tensor& sums) const = 0;

  /// The same for K batches of equal size, one after another: the gradient of each batch's own mean
  /// loss. `sums` is [K, 2] or undefined. As here it asks gradient() for each; where that would be
  /// many launches, a task overrides it.
  virtual at::Tensor gradients(at::Tensor const& outputs, at::Tensor const& targets,
                               std::int64_t batches, at::Tensor& sums) const;

  /// The same task, but that gradient() and add_sums() take labels for smoothed: `share` of each is
  /// spread evenly over all classes, as label_smoothing of PyTorch's cross_entropy does it. Nothing
  /// where answers are no labels.
  virtual std::unique_ptr<Task> smoothed(double /*share*/) const { return nullptr; }

  /// Loss and error of each sample, both [B] on the host.
  virtual void judge(at::Tensor const& outputs, at::Tensor const& targets, std::span<double> losses,
                     std::span<float> errors) const = 0;

  /// Adds what an evaluation of these samples counts to `sums`, float64 on their device, of the
  /// size that sums() gives it: the sum of the losses, then the correct answers of each class.
  virtual void add_sums(at::Tensor const& outputs, at::Tensor const& targets,
                        at::Tensor sums) const = 0;

  /// Is an answer right or wrong? If not, the accuracies in the metrics are absent (NaN).
  virtual bool has_accuracy() const = 0;

  /// Zeros for add_sums(), a row for each of `rows` evaluations by a model with such outputs.
  at::Tensor sums(std::int64_t rows, at::Tensor const& outputs) const;
  /// The sums of an evaluation over these samples.
  EvaluationSums evaluate(at::Tensor const& outputs, at::Tensor const& targets) const;
};

}  // namespace fedstrata
