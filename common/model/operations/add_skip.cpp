#include <torch/torch.h>

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

OperationPtr add_skip() { return std::make_unique<AddSkip>(); }

}  // namespace fedstrata
