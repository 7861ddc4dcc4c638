#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Dropout : public Operation {
 public:
  explicit Dropout(double p) : p_(p) {}

  Frame evaluate(Frame in, Weights const&) const override { return in; }

  Frame forward(Frame in, Weights const&, Saved& saved) const override {
    auto [out, mask] = at::native_dropout(in.main, p_, true);
    saved = {mask};
    in.main = std::move(out);
    return in;
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    gradient.main = at::native_dropout_backward(gradient.main, saved[0], 1.0 / (1.0 - p_));
    return gradient;
  }

 private:
  double p_;
};

}  // namespace

OperationPtr dropout(double p) { return std::make_unique<Dropout>(p); }

void dropout(ModelBuilder& model, double p) { model.tail(dropout(p)); }

}  // namespace fedstrata
