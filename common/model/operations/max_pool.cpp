#include <torch/types.h>

#include <array>

#include "common/model/builder.hpp"
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

  Frame evaluate(Frame in, Weights const&) const override {
    in.main = std::get<0>(pool(in.main));
    return in;
  }

  Frame forward(Frame in, Weights const&, Saved& saved) const override {
    auto [out, indices] = pool(in.main);
    saved = {in.main, indices};
    in.main = std::move(out);
    return in;
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    gradient.main = at::max_pool2d_with_indices_backward(gradient.main, saved[0], kernel_, stride_,
                                                         padding_, kOnes, false, saved[1]);
    return gradient;
  }

  bool takes_clients() const override { return true; }

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

void max_pool(ModelBuilder& model, Window window) {
  auto out = model.input();
  model.require_fit(out.is_image(), "max_pool", "an image [channels, height, width]");
  out.dimensions = model.slid(window);
  out.shared = false;
  model.tail(max_pool(window), std::move(out));
}

}  // namespace fedstrata
