#include <torch/torch.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Dropout : public Operation {
 public:
  explicit Dropout(double p) : p_(p) {}

  State evaluate(State in, Weights const&) const override { return in; }

  State forward(State in, Weights const&, Saved& saved) const override {
    auto [out, mask] = at::native_dropout(in.main, p_, true);
    saved = {mask};
    return {std::move(out), std::move(in.skip)};
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    return {at::native_dropout_backward(gradient.main, saved[0], 1.0 / (1.0 - p_)),
            std::move(gradient.skip)};
  }

 private:
  double p_;
};

}  // namespace

OperationPtr dropout(double p) { return std::make_unique<Dropout>(p); }

}  // namespace fedstrata
