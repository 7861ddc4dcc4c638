#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace fedstrata {

/// A model's tensors as views into a parameter row and a buffer row, in LayerTable order. Copies
/// are cheap and share the rows. Replacing the views of one layer by another model's is how
/// "model A with layer l of B" is made: nothing is copied.
struct Weights {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> buffers;
  /// Evaluation: with `calibration` > 0 batch normalisation takes its statistics from the first
  /// `calibration` of every `rows` samples instead of the buffers.
  std::int64_t calibration = 0;
  std::int64_t rows = 0;
};

/// Activations between two stages: the main path and the saved shortcut of a residual block
/// (undefined outside a block). Dimension 0 is the batch, or k batches stacked one after another;
/// the shortcut may be a single batch where the main path is a stack, and the reverse.
struct State {
  at::Tensor main;
  at::Tensor skip;
};

/// Where a training pass leaves gradients: into = beta * into + alpha * gradient, tensor by tensor.
/// `into` may be the weights themselves (beta 1, alpha -lr: plain SGD without a gradient row).
struct GradientTarget {
  Weights into;
  double beta = 0.0;
  double alpha = 1.0;
};

/// What one operation of a training pass keeps for its backward pass.
using Saved = std::vector<at::Tensor>;

/// An elementary operation of the forward pass. Immutable and shared by all passes; its tensors
/// come from the Weights it is called with, at indices it was built with.
class Operation {
 public:
  virtual ~Operation() = default;

  /// Evaluation: no gradient, running statistics, no dropout. Never modifies `in`'s tensors.
  virtual State evaluate(State in, Weights const& weights) const = 0;
  /// Training: like evaluate, with dropout and batch statistics (running statistics in
  /// `weights.buffers` are updated), keeping in `saved` what backward needs.
  virtual State forward(State in, Weights const& weights, Saved& saved) const = 0;
  /// Gradient by the input from the gradient by the output. Adds the parameters' gradient to
  /// `target` only after it has read `weights`. `first` = nobody needs the input's gradient.
  virtual State backward(State gradient, Weights const& weights, GradientTarget const& target,
                         Saved& saved, bool first) const = 0;
};

/// One step of the forward pass: an operation with parameters (the head), then operations without
/// (the tail: activation, pooling, the end of a residual block, ...).
struct Stage {
  std::vector<int> layers;  ///< whose parameters the head uses
  bool affine = false;      ///< is the head's output affine in those parameters (and buffers)?
  bool on_skip = false;     ///< does the head replace State::skip rather than State::main?
  std::unique_ptr<Operation> head;
  std::vector<std::unique_ptr<Operation>> tail;

  State evaluate_head(State in, Weights const& weights) const {
    return head->evaluate(std::move(in), weights);
  }
  State evaluate_tail(State state, Weights const& weights) const {
    for (auto const& operation : tail) state = operation->evaluate(std::move(state), weights);
    return state;
  }
};

}  // namespace fedstrata
