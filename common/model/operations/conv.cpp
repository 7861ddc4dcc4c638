#include <torch/torch.h>

#include <array>

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

  State evaluate(State in, Weights const& weights) const override {
    return {convolve(ordered(in.main, order_), weights), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    saved = {ordered(in.main, order_)};
    return {convolve(saved[0], weights), std::move(in.skip)};
  }

  State backward(State gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto const& weight = weights.parameters[weight_];
    std::array<std::int64_t, 1> const bias_size{weight.size(0)};
    auto [input_gradient, weight_gradient, bias_gradient] = at::convolution_backward(
        gradient.main, saved[0], weight, at::OptionalIntArrayRef(bias_size), stride_, padding_,
        kOnes, false, kZeros, 1, {!first, true, has_bias_});
    accumulate(target.into.parameters[weight_], weight_gradient, target);
    if (has_bias_) accumulate(target.into.parameters[bias_], bias_gradient, target);
    return {std::move(input_gradient), std::move(gradient.skip)};
  }

 private:
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

class MaxPool : public Operation {
 public:
  explicit MaxPool(Window window)
      : kernel_{window.kernel, window.kernel},
        stride_{window.stride, window.stride},
        padding_{window.padding, window.padding} {}

  State evaluate(State in, Weights const&) const override {
    return {std::get<0>(pool(in.main)), std::move(in.skip)};
  }

  State forward(State in, Weights const&, Saved& saved) const override {
    auto [out, indices] = pool(in.main);
    saved = {in.main, indices};
    return {std::move(out), std::move(in.skip)};
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    return {at::max_pool2d_with_indices_backward(gradient.main, saved[0], kernel_, stride_,
                                                 padding_, kOnes, false, saved[1]),
            std::move(gradient.skip)};
  }

 private:
  std::tuple<at::Tensor, at::Tensor> pool(at::Tensor const& input) const {
    return at::max_pool2d_with_indices(input, kernel_, stride_, padding_, kOnes, false);
  }

  Pair kernel_;
  Pair stride_;
  Pair padding_;
};

class GlobalAveragePool : public Operation {
 public:
  State evaluate(State in, Weights const&) const override {
    return {at::mean(in.main, {2, 3}), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    auto const& input = saved[0];
    auto const share = 1.0 / static_cast<double>(input.size(2) * input.size(3));
    auto const small = (gradient.main * share).unsqueeze(2).unsqueeze(3);
    return {small.expand(input.sizes()).contiguous(input.suggest_memory_format()),
            std::move(gradient.skip)};
  }
};

class AdaptiveAveragePool : public Operation {
 public:
  explicit AdaptiveAveragePool(std::int64_t size) : size_{size, size} {}

  State evaluate(State in, Weights const&) const override {
    return {at::_adaptive_avg_pool2d(in.main, size_), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    return {at::_adaptive_avg_pool2d_backward(gradient.main, saved[0]), std::move(gradient.skip)};
  }

 private:
  Pair size_;
};

}  // namespace

OperationPtr convolution(int weight, int bias, Window window, MemoryOrder order) {
  return std::make_unique<Convolution>(weight, bias, window, order);
}
OperationPtr max_pool(Window window) { return std::make_unique<MaxPool>(window); }
OperationPtr global_average_pool() { return std::make_unique<GlobalAveragePool>(); }
OperationPtr adaptive_average_pool(std::int64_t size) {
  return std::make_unique<AdaptiveAveragePool>(size);
}

}  // namespace fedstrata
