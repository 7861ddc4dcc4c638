#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Relu : public Operation {
 public:
  explicit Relu(bool in_place) : in_place_(in_place) {}

  Frame evaluate(Frame in, Weights const&) const override {
    in.main = at::relu(in.main);
    return in;
  }

  // No operation that a rectifier follows needs its own output for its backward pass, so it may be
  // overwritten; but not where another slot holds it too.
  Frame forward(Frame in, Weights const&, Saved& saved) const override {
    if (in_place_)
      at::relu_(in.main);
    else
      in.main = at::relu(in.main);
    saved = {in.main};
    return in;
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    gradient.main = at::threshold_backward(gradient.main, saved[0], 0);
    return gradient;
  }

  bool rectifies() const override { return true; }
  bool takes_clients() const override { return true; }

 private:
  bool in_place_;
};

}  // namespace

OperationPtr relu(bool in_place) { return std::make_unique<Relu>(in_place); }

void relu(ModelBuilder& model) {
  auto out = model.input();
  auto operation = relu(!out.shared);
  out.shared = false;
  model.tail(std::move(operation), std::move(out));
}

}  // namespace fedstrata
