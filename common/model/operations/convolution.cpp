#include <torch/types.h>

#include <array>

#include "common/device/device.hpp"
#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

using Pair = std::array<std::int64_t, 2>;
constexpr Pair kOnes{1, 1};
constexpr Pair kZeros{0, 0};

at::Tensor ordered(at::Tensor const& images, MemoryOrder order) {
  if (order == MemoryOrder::channels_first) return images.contiguous();
  if (images.size(1) > 1) return images.contiguous(at::MemoryFormat::ChannelsLast);
  // One channel is contiguous either way; only these strides tell what is wanted.
  auto const height = images.size(2), width = images.size(3);
  return images.contiguous().as_strided(images.sizes(), {height * width, 1, width, 1});
}

class Convolution : public Operation {
 public:
  Convolution(int weight, int bias, Window window, MemoryOrder order)
      : weight_(static_cast<std::size_t>(weight)),
        bias_(static_cast<std::size_t>(std::max(bias, 0))),
        has_bias_(bias >= 0),
        order_(order),
        stride_{window.stride, window.stride},
        padding_{window.padding, window.padding} {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    in.main = convolve(ordered(in.main, order_), weights);
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    if (weights.clients > 0) {
      in.main = convolve_of_clients(in.main, weights, saved);
      return in;
    }
    saved = {ordered(in.main, order_)};
    in.main = convolve(saved[0], weights);
    return in;
  }

  Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    if (weights.clients > 0) {
      gradient.main = backward_of_clients(gradient.main, weights, target, saved, first);
      return gradient;
    }
    auto const& weight = weights.parameters[weight_];
    std::array<std::int64_t, 1> const bias_size{weight.size(0)};
    auto [input_gradient, weight_gradient, bias_gradient] = at::convolution_backward(
        gradient.main, saved[0], weight, at::OptionalIntArrayRef(bias_size), stride_, padding_,
        kOnes, false, kZeros, 1, {!first, true, has_bias_});
    accumulate(target.into.parameters[weight_], weight_gradient, target);
    if (has_bias_) accumulate(target.into.parameters[bias_], bias_gradient, target);
    gradient.main = std::move(input_gradient);
    return gradient;
  }

  bool takes_clients() const override { return true; }

  double multiply_adds(Frame const& output, Weights const& weights) const override {
    auto const& weight = weights.parameters[weight_];
    return static_cast<double>(output.main.numel() / weight.size(0)) *
           static_cast<double>(weight.numel());
  }

 private:
  // K clients at once. On a device their convolutions are one in K groups, for which the clients'
  // channels have to lie side by side; in host memory, where launches cost nothing, each client's
  // is the one that it would be alone.

  at::Tensor convolve_of_clients(at::Tensor const& images, Weights const& weights,
                                 Saved& saved) const {
    auto const clients = weights.clients;
    if (in_host_memory(images)) {
      std::vector<at::Tensor> all;
      for (auto const& own : images.chunk(clients)) {
        saved.push_back(ordered(own, order_));
        all.push_back(convolve(saved.back(), client(weights, std::ssize(all))));
      }
      return at::cat(all);
    }
    saved = {in_groups(images, clients)};
    auto const bias = has_bias_ ? weights.parameters[bias_].flatten(0, 1) : at::Tensor();
    return by_client(at::convolution(saved[0], weights.parameters[weight_].flatten(0, 1), bias,
                                     stride_, padding_, kOnes, false, kZeros, clients),
                     clients);
  }

  at::Tensor backward_of_clients(at::Tensor const& gradient, Weights const& weights,
                                 GradientTarget const& target, Saved& saved, bool first) const {
    auto const clients = weights.clients;
    if (in_host_memory(gradient)) {
      std::vector<at::Tensor> all;
      for (auto const& own : gradient.chunk(clients)) {
        auto const k = std::ssize(all);
        GradientTarget const into{client(target.into, k), target.beta, target.alpha};
        Saved input{saved[static_cast<std::size_t>(k)]};
        all.push_back(backward({own}, client(weights, k), into, input, first).main);
      }
      return first ? at::Tensor() : at::cat(all);
    }
    auto const& into = target.into.parameters[weight_];
    auto const weight = weights.parameters[weight_].flatten(0, 1);
    std::array<std::int64_t, 1> const bias_size{weight.size(0)};
    auto const [input_gradient, weight_gradient, bias_gradient] = at::convolution_backward(
        in_groups(gradient, clients), saved[0], weight, at::OptionalIntArrayRef(bias_size), stride_,
        padding_, kOnes, false, kZeros, clients, {!first, true, has_bias_});
    accumulate(into, weight_gradient.view(into.sizes()), target);
    if (has_bias_)
      accumulate(target.into.parameters[bias_], bias_gradient.view({clients, -1}), target);
    return first ? at::Tensor() : by_client(input_gradient, clients);
  }

  /// [K * B, C, H, W] as [B, K * C, H, W]: a copy.
  static at::Tensor in_groups(at::Tensor const& images, std::int64_t clients) {
    return images.unflatten(0, {clients, -1}).transpose(0, 1).contiguous().flatten(1, 2);
  }
  /// The other way.
  static at::Tensor by_client(at::Tensor const& images, std::int64_t clients) {
    return images.unflatten(1, {clients, -1}).transpose(0, 1).contiguous().flatten(0, 1);
  }

  /// The tensors of this operation alone, of one of several clients.
  Weights client(Weights const& weights, std::int64_t k) const {
    Weights own;
    own.parameters.resize(weights.parameters.size());
    own.parameters[weight_] = weights.parameters[weight_][k];
    if (has_bias_) own.parameters[bias_] = weights.parameters[bias_][k];
    return own;
  }

  at::Tensor convolve(at::Tensor const& input, Weights const& weights) const {
    auto const bias = has_bias_ ? weights.parameters[bias_] : at::Tensor();
    return at::convolution(input, weights.parameters[weight_], bias, stride_, padding_, kOnes,
                           false, kZeros, 1);
  }

  std::size_t weight_;
  std::size_t bias_;
  bool has_bias_;
  MemoryOrder order_;
  Pair stride_;
  Pair padding_;
};

}  // namespace

OperationPtr convolution(int weight, int bias, Window window, MemoryOrder order) {
  return std::make_unique<Convolution>(weight, bias, window, order);
}

void convolution(ModelBuilder& model, std::string const& layer, std::int64_t outputs,
                 ConvolutionOptions const& options) {
  auto const in = model.input();
  model.require_fit(in.is_image(), "convolution", "an image [channels, height, width]", layer);
  auto const inputs = in.channels();
  auto const kernel = options.window.kernel;
  auto const area = kernel * kernel;
  model.open(layer, LayerType::conv);
  auto const units = model.new_units(outputs);
  auto const w = model.parameter("weight", {outputs, inputs, kernel, kernel},
                                 weight_start(options.scheme, inputs * area, outputs * area), units,
                                 in.units, area);
  auto const b = options.bias ? model.parameter("bias", {outputs},
                                                bias_start(options.scheme, inputs * area), units)
                              : -1;
  auto out = model.slid(options.window);
  out[0] = outputs;
  model.head(convolution(w, b, options.window, model.memory_order()),
             {.dimensions = std::move(out), .units = units});
}

}  // namespace fedstrata
