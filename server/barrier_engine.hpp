#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/model.hpp"
#include "server/round_plan.hpp"

namespace fedstrata {

/// Images [B, C, H, W] float32, normalised, on the model's device, and their labels int64 [B]
/// (Loss::squared: targets float32 [B, outputs]).
struct EvaluationBatch {
  at::Tensor images;
  at::Tensor labels;
};

/// Samples first .. first + count - 1 of a split, in file order.
using BatchLoader = std::function<EvaluationBatch(std::int64_t first, std::int64_t count)>;

/// Called between any two evaluations, so that a rank can serve messages meanwhile; may be empty.
using Interlude = std::function<void()>;

enum class Loss {
  cross_entropy,  ///< errors are counted
  squared         ///< sum over outputs of (output - target)^2; no errors
};

struct EngineSettings {
  std::int64_t batch_size = 64;
  std::int64_t memory = std::int64_t{1} << 30;  ///< bytes for the activations of a stack
  Loss loss = Loss::cross_entropy;
};

/// The paths from a base model towards a partner along each layer alone.
struct LayerPaths {
  Weights partner;
  std::vector<double> steps;  ///< distances from the base in (0, 1]; 1 = the layer swapped
};

/// Sums over a range of samples.
struct SweepSums {
  LossSums base;                             ///< the base itself
  std::vector<std::vector<LossSums>> paths;  ///< per partner: [layers x steps]
};

/// Evaluates a model along the straight lines to other models: whole rows, or one layer at a time
/// while the others stay those of the base.
///
/// The layer paths of a base come from one forward sweep. Where the sweep reaches a layer, the
/// layer's output is computed with the partner's parameters too; an affine layer's output at any
/// step is the lerp of the two, others are evaluated with interpolated parameters and buffers. The
/// outputs of all steps are stacked along the batch, and the stages that remain run once on the
/// stack with the base's parameters. Nothing before the layer is computed again.
///
/// A layer that is equal in both models costs nothing and has exactly the base's sums. Shapes of
/// batches and stacks depend on the model and the settings alone. Holds no results; safe to share.
class BarrierEngine {
 public:
  /// Keeps a reference to `model`.
  BarrierEngine(Model const& model, EngineSettings settings) : model_(model), settings_(settings) {}

  /// One sweep over the range with `base`; `partners` may be empty (end point only).
  SweepSums sweep(Weights const& base, std::span<LayerPaths const> partners, SampleRange range,
                  BatchLoader const& load, Interlude const& interlude) const;

  /// Sums of the whole model interpolated at each alpha (buffers included).
  std::vector<LossSums> full_path(Weights const& a, Weights const& b,
                                  std::span<double const> alphas, SampleRange range,
                                  BatchLoader const& load, Interlude const& interlude) const;

 private:
  struct Sweep;
  EvaluationBatch load_batch(BatchLoader const& load, SampleRange range, std::int64_t begin) const;
  std::vector<LossSums> sums(at::Tensor const& outputs, at::Tensor const& labels,
                             std::int64_t stack) const;
  State run(std::size_t from, State state, Weights const& weights) const;

  Model const& model_;
  EngineSettings settings_;
};

/// `base` with the tensors of one layer from `partner`: nothing is copied but references.
Weights with_layer(LayerTable const& table, Weights base, Weights const& partner, int layer);

/// base + step (partner - base) for step < 1/2, partner - (1 - step) (partner - base) otherwise, so
/// that ends and equal weights are exact. All tensors, or those of one layer (the others are
/// base's).
Weights interpolate_all(Weights const& base, Weights const& partner, double step);
Weights interpolate_layer(LayerTable const& table, Weights base, Weights const& partner, int layer,
                          double step);

}  // namespace fedstrata
