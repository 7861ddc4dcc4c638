#include <torch/torch.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class SaveSkip : public Operation {
 public:
  State evaluate(State in, Weights const&) const override { return {in.main, in.main}; }

  State forward(State in, Weights const&, Saved&) const override { return {in.main, in.main}; }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved&,
                 bool) const override {
    return {gradient.main + gradient.skip, {}};
  }
};

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

/// `tensor` [k * B, ...] as [k, B, ...].
at::Tensor unstacked(at::Tensor const& tensor, std::int64_t batch) {
  auto sizes = tensor.sizes().vec();
  sizes[0] = batch;
  sizes.insert(sizes.begin(), tensor.size(0) / batch);
  return tensor.reshape(sizes);
}

class AddSkip : public Operation {
 public:
  State evaluate(State in, Weights const&) const override {
    if (in.main.size(0) == in.skip.size(0)) return {in.main + in.skip, {}};
    auto const batch = std::min(in.main.size(0), in.skip.size(0));
    return {(unstacked(in.main, batch) + unstacked(in.skip, batch)).flatten(0, 1), {}};
  }

  State forward(State in, Weights const&, Saved&) const override { return {in.main + in.skip, {}}; }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved&,
                 bool) const override {
    return {gradient.main, gradient.main};
  }
};

}  // namespace

OperationPtr save_skip() { return std::make_unique<SaveSkip>(); }
OperationPtr on_skip(OperationPtr operation) {
  return std::make_unique<OnSkip>(std::move(operation));
}
OperationPtr add_skip() { return std::make_unique<AddSkip>(); }

}  // namespace fedstrata
