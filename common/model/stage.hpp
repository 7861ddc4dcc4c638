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
  /// 0: tensors as the LayerTable has them. K > 0: those of K clients at once, each with a first
  /// dimension K (strided views of rows [K, ...]); only training passes take them, of operations
  /// that Operation::takes_clients().
  std::int64_t clients = 0;
};

/// Place of a tensor in a Frame. A model's builder gives its slots names (ModelBuilder::on).
using Slot = std::size_t;
inline constexpr Slot kMainSlot = 0;

/// What is alive between two stages: the main path, and in further slots what travels beside it
/// (the shortcut of a residual block; queries and keys on their way to an attention). Empty slots
/// hold an undefined tensor.
///
/// Dimension 0 is the batch, or k batches stacked one after another. Of two slots one may be fewer
/// batches than the other: it then stands for itself, repeated as a whole.
struct Frame {
  at::Tensor main = {};                 ///< slot 0
  std::vector<at::Tensor> others = {};  ///< slots 1, 2, ...

  /// Makes room for the slot where there is none yet.
  at::Tensor& operator[](Slot slot) {
    if (slot == kMainSlot) return main;
    if (others.size() < slot) others.resize(slot);
    return others[slot - 1];
  }
};

/// Where a training pass leaves gradients: into = beta * into + alpha * gradient, tensor by tensor.
/// `into` may be the weights themselves (beta 1, alpha -lr: plain SGD without a gradient row).
struct GradientTarget {
  Weights into;
  double beta = 0.0;
  double alpha = 1.0;
  /// Tensors of `into` with gradients that accumulate() leaves to the end of the pass, when all are
  /// added at once: on a device one launch instead of many. None: it adds them itself.
  struct Waiting {
    std::vector<at::Tensor> into, gradients;
  };
  Waiting* waiting = nullptr;
};

/// What one operation of a training pass keeps for its backward pass.
using Saved = std::vector<at::Tensor>;

/// An elementary operation of the forward pass. Immutable and shared by all passes; its tensors
/// come from the Weights it is called with, at indices it was built with.
class Operation {
 public:
  virtual ~Operation() = default;

  /// Evaluation: no gradient, running statistics, no dropout. Never modifies `in`'s tensors.
  virtual Frame evaluate(Frame in, Weights const& weights) const = 0;
  /// Training: like evaluate, with dropout and batch statistics (running statistics in
  /// `weights.buffers` are updated), keeping in `saved` what backward needs.
  virtual Frame forward(Frame in, Weights const& weights, Saved& saved) const = 0;
  /// Gradient by the input from the gradient by the output. Adds the parameters' gradient to
  /// `target` only after it has read `weights`. `first` = nobody needs the input's gradient.
  virtual Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target,
                         Saved& saved, bool first) const = 0;

  /// Is it what makes a layer's units nonlinear, element by element (ReLU, GELU, ...)?
  virtual bool rectifies() const { return false; }

  /// Can forward() and backward() take Weights of K clients? A frame then is K batches of equal
  /// size, client after client, and each client's answers and gradients are those of a pass of its
  /// own.
  virtual bool takes_clients() const { return false; }

  /// Multiply-adds of evaluate(), given what it returned. Counted are products, not the few of a
  /// normalisation or a mean.
  virtual double multiply_adds(Frame const& /*output*/, Weights const& /*weights*/) const {
    return 0.0;
  }
};

/// One step of the forward pass: an operation with parameters (the head), then operations without
/// (the tail: activation, pooling, the end of a residual block, ...). A model that begins without
/// parameters has a first stage without layers.
struct Stage {
  std::vector<int> layers;  ///< whose parameters the head uses
  bool affine = false;      ///< is the head's output affine in those parameters (and buffers)?
  Slot slot = kMainSlot;    ///< what the head reads and replaces
  std::unique_ptr<Operation> head;
  std::vector<std::unique_ptr<Operation>> tail;

  Frame evaluate_head(Frame in, Weights const& weights) const {
    return head->evaluate(std::move(in), weights);
  }
  Frame evaluate_tail(Frame frame, Weights const& weights) const {
    for (auto const& operation : tail) frame = operation->evaluate(std::move(frame), weights);
    return frame;
  }
};

}  // namespace fedstrata
