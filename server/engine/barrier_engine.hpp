#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/data/samples.hpp"
#include "common/model/model.hpp"
#include "common/tasks/task.hpp"
#include "server/engine/blended_weights.hpp"
#include "server/engine/evaluation_tree.hpp"

namespace fedstrata {

/// Samples first .. first + count - 1 of a split, in file order.
using BatchLoader = std::function<Batch(std::int64_t first, std::int64_t count)>;

/// Called between any two evaluations, so that a rank can serve messages meanwhile; may be empty.
using Interlude = std::function<void()>;

struct EngineSettings {
  std::int64_t batch_size = 64;
  std::int64_t memory = std::int64_t{1} << 28;  ///< bytes for the activations of a stack
  /// Inputs of which the statistics of batch normalisation are taken at every point; undefined:
  /// the stored statistics are used.
  at::Tensor calibration;
};

/// Losses and errors of points, sample by sample.
class SampleLosses {
 public:
  SampleLosses(std::size_t points, std::int64_t samples)
      : samples_(static_cast<std::size_t>(samples)),
        loss_(points * samples_),
        error_(points * samples_) {}

  std::span<double> loss(int point) { return std::span(loss_).subspan(at(point), samples_); }
  std::span<double const> loss(int point) const {
    return std::span(loss_).subspan(at(point), samples_);
  }
  std::span<float> error(int point) { return std::span(error_).subspan(at(point), samples_); }
  std::span<float const> error(int point) const {
    return std::span(error_).subspan(at(point), samples_);
  }

 private:
  std::size_t at(int point) const { return static_cast<std::size_t>(point) * samples_; }
  std::size_t samples_;
  std::vector<double> loss_;
  std::vector<float> error_;
};

/// Evaluates models put together from the layers of several models and from straight lines between
/// them: every point of a tree, batch by batch, with what points have in common computed once.
///
/// Shapes of batches and stacks depend on the model, the points and the settings alone. Holds no
/// results; safe to share.
class BarrierEngine {
 public:
  /// Keeps references to `model` and `task`. Runs two samples through the model, to count: one
  /// alone has no statistics, and a network may take those of the batch.
  BarrierEngine(Model const& model, Task const& task, InputShape const& input,
                EngineSettings settings);
  /// `samples`: any, [B, ...], for models whose inputs are no reals.
  BarrierEngine(Model const& model, Task const& task, at::Tensor const& samples,
                EngineSettings settings);

  /// The stages with their costs and how many models may be stacked from each on.
  std::span<StageShape const> stages() const { return stages_; }

  /// The points' losses on samples first .. first + count - 1 of `load`, written to places
  /// 0 .. count - 1 of `losses`, at rows given by `tree` (indices of points).
  void evaluate(EvaluationTree const& tree, BlendedWeights& weights, std::int64_t first,
                std::int64_t count, BatchLoader const& load, SampleLosses& losses,
                Interlude const& interlude) const;

 private:
  class Pass;

  Model const& model_;
  Task const& task_;
  EngineSettings settings_;
  std::vector<StageShape> stages_;
};

}  // namespace fedstrata
