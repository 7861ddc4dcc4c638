#include "tests/support/pytorch_optimizer.hpp"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim.h>

namespace fedstrata {
namespace {

namespace optim = torch::optim;

std::shared_ptr<optim::Optimizer> make(TrainConfig const& train,
                                       std::vector<at::Tensor> const& parameters) {
  auto const with_moments = [&](auto options) {
    options.betas({train.beta1, train.beta2}).eps(train.eps).weight_decay(train.weight_decay);
    return options;
  };
  if (train.optimizer == "adam") {
    return std::make_shared<optim::Adam>(parameters, with_moments(optim::AdamOptions(train.lr)));
  }
  if (train.optimizer == "adamw") {
    return std::make_shared<optim::AdamW>(parameters, with_moments(optim::AdamWOptions(train.lr)));
  }
  return std::make_shared<optim::SGD>(parameters, optim::SGDOptions(train.lr)
                                                      .momentum(train.momentum)
                                                      .nesterov(train.nesterov)
                                                      .weight_decay(train.weight_decay));
}

}  // namespace

std::function<void(double lr)> pytorch_optimizer(TrainConfig const& train,
                                                 std::vector<at::Tensor> const& parameters) {
  return [optimizer = make(train, parameters)](double lr) {
    optimizer->param_groups()[0].options().set_lr(lr);
    optimizer->step();
    optimizer->zero_grad();
  };
}

void pytorch_clip(std::vector<at::Tensor> const& parameters, double limit) {
  torch::nn::utils::clip_grad_norm_(parameters, limit);
}

}  // namespace fedstrata
