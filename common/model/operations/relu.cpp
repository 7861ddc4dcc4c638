#include <torch/torch.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Relu : public Operation {
 public:
  State evaluate(State in, Weights const&) const override {
    return {at::relu(in.main), std::move(in.skip)};
  }

  // In place: no operation that a rectifier follows needs its own output for its backward pass.
  State forward(State in, Weights const&, Saved& saved) const override {
    at::relu_(in.main);
    saved = {in.main};
    return in;
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    return {at::threshold_backward(gradient.main, saved[0], 0), std::move(gradient.skip)};
  }
};

}  // namespace

OperationPtr relu() { return std::make_unique<Relu>(); }

}  // namespace fedstrata
