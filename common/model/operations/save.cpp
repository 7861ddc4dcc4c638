#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Save : public Operation {
 public:
  explicit Save(Slot slot) : slot_(slot) {}

  Frame evaluate(Frame in, Weights const&) const override {
    in[slot_] = in.main;
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved&) const override {
    return evaluate(std::move(in), weights);
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved&,
                 bool) const override {
    gradient.main = gradient.main + gradient[slot_];
    gradient[slot_] = at::Tensor();
    return gradient;
  }

 private:
  Slot slot_;
};

}  // namespace

OperationPtr save(Slot slot) { return std::make_unique<Save>(slot); }

void save(ModelBuilder& model, std::string const& slot) {
  auto out = model.input();
  out.shared = true;
  auto const to = model.slot(slot);
  model.set(to, out);
  model.tail(save(to), std::move(out));
}

}  // namespace fedstrata
