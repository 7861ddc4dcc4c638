#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

/// PyTorch's own optimizer of these settings, as a function of the learning rate that makes a step
/// with the parameters' gradients and clears them.
std::function<void(double lr)> pytorch_optimizer(TrainConfig const& train,
                                                 std::vector<at::Tensor> const& parameters);

/// torch::nn::utils::clip_grad_norm_.
void pytorch_clip(std::vector<at::Tensor> const& parameters, double limit);

}  // namespace fedstrata
