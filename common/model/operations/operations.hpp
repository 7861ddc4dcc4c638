#pragma once
#include <cstdint>
#include <memory>

#include "common/model/stage.hpp"

namespace fedstrata {

// The elementary operations models are made of. `weight`, `bias`, ... are indices into
// Weights::parameters or Weights::buffers; -1 = there is none. Images are [B, C, H, W].

using OperationPtr = std::unique_ptr<Operation>;

/// into = beta * into + alpha * gradient, with the target's beta and alpha; `into` is one tensor of
/// the target, of the gradient's shape.
void accumulate(at::Tensor const& into, at::Tensor const& gradient, GradientTarget const& target);

/// y = x w^T + b, with w [outputs, inputs]; x is flattened to [B, inputs] first.
OperationPtr linear(int weight, int bias);
OperationPtr relu();
/// Zeroes activations with probability p in training (ATen's default generator, which the caller
/// seeds) and scales the rest by 1 / (1 - p); nothing in evaluation.
OperationPtr dropout(double p);

struct Window {
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
  std::int64_t padding = 0;
};
/// Order of the activations in memory. Max-pools are ten times faster channels-last; convolutions
/// with many weights and small images a quarter slower.
enum class MemoryOrder { channels_first, channels_last };
/// Weight [outputs, inputs, kernel, kernel].
OperationPtr convolution(int weight, int bias, Window window,
                         MemoryOrder order = MemoryOrder::channels_first);
OperationPtr max_pool(Window window);
/// Mean over the image: [B, C, H, W] to [B, C].
OperationPtr global_average_pool();
/// Means of size x size cells.
OperationPtr adaptive_average_pool(std::int64_t size);

/// Batch statistics and momentum 0.1 in training, running ones in evaluation; eps 1e-5. `mean` and
/// `variance` are indices of buffers.
OperationPtr batch_norm(int weight, int bias, int mean, int variance);
/// Statistics of each sample over groups of channels; eps 1e-5.
OperationPtr group_norm(int weight, int bias, std::int64_t groups);

/// Begins a residual block: skip = main.
OperationPtr save_skip();
/// The operation acts on State::skip; main passes by.
OperationPtr on_skip(OperationPtr operation);
/// Ends a residual block: main += skip. Where one is a stack of k batches and the other one batch,
/// that batch is added to each of the stack.
OperationPtr add_skip();

}  // namespace fedstrata
