#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "common/model/stage.hpp"

namespace fedstrata {

// The operations that models are made of. To add one: a file in this folder with its class, its
// function here that makes it, and one that adds it to a model (docs/extending.md).
//
// Functions that make an operation take indices into Weights::parameters or Weights::buffers as
// `weight`, `bias`, ...; -1 = there is none. B is the batch; images are [B, C, H, W], sequences
// [B, tokens, width].

class ModelBuilder;
using OperationPtr = std::unique_ptr<Operation>;

/// into = beta * into + alpha * gradient, with the target's beta and alpha; `into` is one tensor of
/// the target, of the gradient's shape.
void accumulate(at::Tensor const& into, at::Tensor const& gradient, GradientTarget const& target);

/// Adds the gradients that accumulate() has left waiting.
void add_waiting(GradientTarget const& target);

/// How a layer's weights start: PyTorch's default, uniform within +-1/sqrt(fan_in), bias too; or
/// torchvision's: normal with standard deviation sqrt(2/fan_out), or 0.01, bias 0.
enum class InitScheme { uniform_fan_in, normal_fan_out, normal_small };

/// y = x w^T + b, with w [outputs, inputs]. Of a sequence each token by itself; anything else is
/// flattened to [B, inputs] first.
OperationPtr linear(int weight, int bias);
void linear(ModelBuilder& model, std::string const& layer, std::int64_t outputs,
            InitScheme scheme = InitScheme::uniform_fan_in, bool bias = true);

/// max(x, 0); `in_place` = training may write to x.
OperationPtr relu(bool in_place = true);
void relu(ModelBuilder& model);

/// x times the normal distribution function of x; or PyTorch's approximation of it by tanh.
enum class GeluForm { exact, tanh };
OperationPtr gelu(GeluForm form = GeluForm::exact);
void gelu(ModelBuilder& model, GeluForm form = GeluForm::exact);

/// Zeroes activations with probability p in training (ATen's default generator, which the caller
/// seeds) and scales the rest by 1 / (1 - p); nothing in evaluation.
OperationPtr dropout(double p);
void dropout(ModelBuilder& model, double p);

struct Window {
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
  std::int64_t padding = 0;
};
/// Order of the activations in memory. Max-pools are ten times faster channels-last; convolutions
/// with many weights and small images a quarter slower.
enum class MemoryOrder { channels_first, channels_last };

struct ConvolutionOptions {
  Window window;
  bool bias = true;
  InitScheme scheme = InitScheme::uniform_fan_in;
};
/// Weight [outputs, inputs, kernel, kernel].
OperationPtr convolution(int weight, int bias, Window window,
                         MemoryOrder order = MemoryOrder::channels_first);
void convolution(ModelBuilder& model, std::string const& layer, std::int64_t outputs,
                 ConvolutionOptions const& options);

OperationPtr max_pool(Window window);
/// Call it before relu(): the result and the gradients are the same, with less to rectify.
void max_pool(ModelBuilder& model, Window window);

/// Mean over the image or over the tokens: [B, C, H, W] to [B, C], [B, tokens, width] to
/// [B, width].
OperationPtr global_average_pool();
void global_average_pool(ModelBuilder& model);

/// Means of size x size cells of an image.
OperationPtr adaptive_average_pool(std::int64_t size);
void adaptive_average_pool(ModelBuilder& model, std::int64_t size);

/// Batch statistics and momentum 0.1 in training, running ones in evaluation; eps 1e-5. For images;
/// `mean` and `variance` are indices of buffers.
OperationPtr batch_norm(int weight, int bias, int mean, int variance);
void batch_norm(ModelBuilder& model, std::string const& layer);

/// Statistics of each sample over groups of channels of an image; eps 1e-5.
OperationPtr group_norm(int weight, int bias, std::int64_t groups);
void group_norm(ModelBuilder& model, std::string const& layer, std::int64_t groups);

/// Statistics of each vector, or of each token of a sequence, over its features; eps 1e-5.
OperationPtr layer_norm(int weight, int bias);
void layer_norm(ModelBuilder& model, std::string const& layer);

/// Tokens int64 [B, tokens] become their rows of weight [vocabulary, width]: [B, tokens, width].
/// Throws c10::Error for an index outside the vocabulary.
OperationPtr embedding(int weight);
/// The rows start normal with that standard deviation.
void embedding(ModelBuilder& model, std::string const& layer, std::int64_t vocabulary,
               std::int64_t width, double deviation = 1.0);

/// Adds to each place of a sequence a vector of its own: weight [tokens, width].
OperationPtr positions(int weight);
/// They start normal with that standard deviation.
void positions(ModelBuilder& model, std::string const& layer, double deviation = 0.02);

struct AttentionOptions {
  std::int64_t heads = 1;
  bool causal = false;  ///< does a token look at itself and earlier ones only?
  std::string queries = "queries", keys = "keys";  ///< the slots that hold them
};
/// Scaled dot-product attention (Vaswani et al., NeurIPS 2017): of queries q, keys k and values v
/// (the main path), all [B, tokens, heads * width], for each head softmax(q k^T / sqrt(width)) v.
/// The projections are linear layers of their own around it, so that each is a stage with an affine
/// output, and a head is a block of rows of their weights (of columns in the layer that follows).
OperationPtr attention(Slot queries, Slot keys, std::int64_t heads, bool causal);
void attention(ModelBuilder& model, AttentionOptions const& options);

// Slots. `slot` is another one than that on which the operation acts, and not the main path.

/// Copies the main path into a slot (no memory is copied): begins a residual block.
OperationPtr save(Slot slot);
void save(ModelBuilder& model, std::string const& slot);
/// Ends a residual block: main += slot, which is empty then. Where one is a stack of k batches and
/// the other fewer, these are added to each of the stack.
OperationPtr add(Slot slot);
void add(ModelBuilder& model, std::string const& slot);
/// The operation reads and replaces that slot; main passes by.
OperationPtr on_slot(Slot slot, OperationPtr operation);

}  // namespace fedstrata
