// torch.optim.SGD: momentum, Nesterov's form of it, weight decay. Most of local training is this,
// so where nobody else needs the gradient it goes straight into the weights or, with momentum,
// into the momentum: a row and a pass over it less.
#include <torch/types.h>

#include "client/algorithms/optimizer.hpp"
#include "common/device/device.hpp"

namespace fedstrata {
namespace {

class Sgd : public Optimizer {
 public:
  explicit Sgd(TrainConfig const& train) : train_(train) {}

  std::vector<StateField> fields() const override {
    if (!has_momentum()) return {};
    return {{.name = "momentum"}};
  }

  void attach(LocalRows const& rows) override {
    parameters_ = rows.parameters();
    weights_ = rows.view(parameters_);
    if (!has_momentum()) return;
    momentum_ = rows.field("momentum");
    momentum_views_ = rows.view(momentum_);
  }

  bool works_in_place() const override { return !train_.nesterov; }

  bool takes_clients() const override { return true; }

  GradientTarget in_place(double lr) const override {
    if (has_momentum()) return {momentum_views_, train_.momentum, 1.0};
    // w - lr (g + decay w) = (1 - lr decay) w - lr g
    return {weights_, 1.0 - lr * train_.weight_decay, -lr};
  }

  void finish(double lr) override {
    if (has_momentum()) sgd_apply(parameters_, momentum_, at(lr));
  }

  void step(at::Tensor const& gradient, double lr) override {
    if (has_momentum()) {
      sgd_update(parameters_, momentum_, gradient, at(lr));
    } else {
      if (train_.weight_decay != 0.0) parameters_.mul_(1.0 - lr * train_.weight_decay);
      parameters_.sub_(gradient, lr);
    }
  }

 private:
  bool has_momentum() const { return train_.momentum > 0.0; }
  SgdStep at(double lr) const {
    return {.lr = lr,
            .momentum = train_.momentum,
            .nesterov = train_.nesterov,
            .weight_decay = train_.weight_decay};
  }

  TrainConfig train_;
  at::Tensor parameters_, momentum_;
  Weights weights_, momentum_views_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(TrainConfig const& train) {
  return std::make_unique<Sgd>(train);
}

}  // namespace fedstrata
