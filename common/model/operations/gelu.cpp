#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Gelu : public Operation {
 public:
  explicit Gelu(GeluForm form) : form_(form == GeluForm::exact ? "none" : "tanh") {}

  Frame evaluate(Frame in, Weights const&) const override {
    in.main = at::gelu(in.main, form_);
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    gradient.main = at::gelu_backward(gradient.main, saved[0], form_);
    return gradient;
  }

  bool rectifies() const override { return true; }

 private:
  char const* form_;  ///< PyTorch's name for it
};

}  // namespace

OperationPtr gelu(GeluForm form) { return std::make_unique<Gelu>(form); }

void gelu(ModelBuilder& model, GeluForm form) {
  auto out = model.input();
  out.shared = false;
  model.tail(gelu(form), std::move(out));
}

}  // namespace fedstrata
