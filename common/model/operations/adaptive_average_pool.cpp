#include <torch/torch.h>

#include <array>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class AdaptiveAveragePool : public Operation {
 public:
  explicit AdaptiveAveragePool(std::int64_t size) : size_{size, size} {}

  State evaluate(State in, Weights const&) const override {
    return {at::_adaptive_avg_pool2d(in.main, size_), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    return {at::_adaptive_avg_pool2d_backward(gradient.main, saved[0]), std::move(gradient.skip)};
  }

 private:
  std::array<std::int64_t, 2> size_;
};

}  // namespace

OperationPtr adaptive_average_pool(std::int64_t size) {
  return std::make_unique<AdaptiveAveragePool>(size);
}

}  // namespace fedstrata
