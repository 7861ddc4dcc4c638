#include <torch/types.h>

#include <algorithm>
#include <utility>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

/// `tensor` [k * B, ...] as [k, B, ...].
at::Tensor unstacked(at::Tensor const& tensor, std::int64_t batch) {
  auto sizes = tensor.sizes().vec();
  sizes[0] = batch;
  sizes.insert(sizes.begin(), tensor.size(0) / batch);
  return tensor.reshape(sizes);
}

class Add : public Operation {
 public:
  explicit Add(Slot slot) : slot_(slot) {}

  Frame evaluate(Frame in, Weights const&) const override {
    auto const other = std::exchange(in[slot_], {});
    if (in.main.size(0) == other.size(0)) {
      in.main = in.main + other;
    } else {
      auto const batch = std::min(in.main.size(0), other.size(0));
      in.main = (unstacked(in.main, batch) + unstacked(other, batch)).flatten(0, 1);
    }
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved&) const override {
    return evaluate(std::move(in), weights);
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved&,
                 bool) const override {
    gradient[slot_] = gradient.main;
    return gradient;
  }

 private:
  Slot slot_;
};

}  // namespace

OperationPtr add(Slot slot) { return std::make_unique<Add>(slot); }

void add(ModelBuilder& model, std::string const& slot) {
  auto out = model.input();
  auto const& other = model.input(slot);
  model.require_fit(out.dimensions == other.dimensions && out.elements == other.elements, "add",
                    "the shape of slot " + slot + ", " + text(other.dimensions));
  model.units().merge(out.units, other.units);
  out.shared = false;
  auto const from = model.slot(slot);
  model.set(from, {});
  model.tail(add(from), std::move(out));
}

}  // namespace fedstrata
