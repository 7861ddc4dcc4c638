#include <torch/types.h>

#include <utility>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class OnSlot : public Operation {
 public:
  OnSlot(Slot slot, OperationPtr operation) : slot_(slot), operation_(std::move(operation)) {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    return swapped(operation_->evaluate(swapped(std::move(in)), weights));
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    return swapped(operation_->forward(swapped(std::move(in)), weights, saved));
  }

  Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    return swapped(
        operation_->backward(swapped(std::move(gradient)), weights, target, saved, first));
  }

  double multiply_adds(Frame const& output, Weights const& weights) const override {
    return operation_->multiply_adds(swapped(output), weights);
  }

 private:
  /// The slot and the main path change places.
  Frame swapped(Frame frame) const {
    auto& other = frame[slot_];
    std::swap(frame.main, other);
    return frame;
  }

  Slot slot_;
  OperationPtr operation_;
};

}  // namespace

OperationPtr on_slot(Slot slot, OperationPtr operation) {
  return std::make_unique<OnSlot>(slot, std::move(operation));
}

}  // namespace fedstrata
