#include <torch/torch.h>

#include <array>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

using Pair = std::array<std::int64_t, 2>;
constexpr Pair kOnes{1, 1};

class MaxPool : public Operation {
 public:
  explicit MaxPool(Window window)
      : kernel_{window.kernel, window.kernel},
        stride_{window.stride, window.stride},
        padding_{window.padding, window.padding} {}

  State evaluate(State in, Weights const&) const override {
    return {std::get<0>(pool(in.main)), std::move(in.skip)};
  }

  State forward(State in, Weights const&, Saved& saved) const override {
    auto [out, indices] = pool(in.main);
    saved = {in.main, indices};
    return {std::move(out), std::move(in.skip)};
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    return {at::max_pool2d_with_indices_backward(gradient.main, saved[0], kernel_, stride_,
                                                 padding_, kOnes, false, saved[1]),
            std::move(gradient.skip)};
  }

 private:
  std::tuple<at::Tensor, at::Tensor> pool(at::Tensor const& input) const {
    return at::max_pool2d_with_indices(input, kernel_, stride_, padding_, kOnes, false);
  }

  Pair kernel_;
  Pair stride_;
  Pair padding_;
};

}  // namespace

OperationPtr max_pool(Window window) { return std::make_unique<MaxPool>(window); }

}  // namespace fedstrata
