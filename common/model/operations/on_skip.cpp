#include <torch/torch.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class OnSkip : public Operation {
 public:
  explicit OnSkip(OperationPtr operation) : operation_(std::move(operation)) {}

  State evaluate(State in, Weights const& weights) const override {
    return {std::move(in.main), operation_->evaluate({std::move(in.skip), {}}, weights).main};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    return {std::move(in.main), operation_->forward({std::move(in.skip), {}}, weights, saved).main};
  }

  State backward(State gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto inner =
        operation_->backward({std::move(gradient.skip), {}}, weights, target, saved, first);
    return {std::move(gradient.main), std::move(inner.main)};
  }

 private:
  OperationPtr operation_;
};

}  // namespace

OperationPtr on_skip(OperationPtr operation) {
  return std::make_unique<OnSkip>(std::move(operation));
}

}  // namespace fedstrata
