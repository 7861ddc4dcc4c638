#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <tuple>

#include "common/model/stage.hpp"

namespace fedstrata {

/// A normalisation by each sample's own mean and deviation, with a weight and a bias, which is the
/// same in training and in evaluation. The two functions that differ are LibTorch's.
class SampleNorm : public Operation {
 public:
  SampleNorm(int weight, int bias)
      : weight_(static_cast<std::size_t>(weight)), bias_(static_cast<std::size_t>(bias)) {}

  Frame evaluate(Frame in, Weights const& weights) const override;
  Frame forward(Frame in, Weights const& weights, Saved& saved) const override;
  Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override;

 protected:
  static constexpr double kEpsilon = 1e-5;
  using Tensors = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

  /// The output, the mean and the inverse deviation.
  virtual Tensors normalise(at::Tensor const& input, at::Tensor const& weight,
                            at::Tensor const& bias) const = 0;
  /// The gradients by input, weight and bias, those that are `wanted`. `saved`: the input, the mean
  /// and the inverse deviation.
  virtual Tensors gradients(at::Tensor const& gradient, Saved const& saved,
                            at::Tensor const& weight, at::Tensor const& bias,
                            std::array<bool, 3> wanted) const = 0;

 private:
  std::size_t weight_, bias_;
};

}  // namespace fedstrata
