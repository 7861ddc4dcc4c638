#include <torch/types.h>

#include <array>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class AdaptiveAveragePool : public Operation {
 public:
  explicit AdaptiveAveragePool(std::int64_t size) : size_{size, size} {}

  Frame evaluate(Frame in, Weights const&) const override {
    in.main = at::_adaptive_avg_pool2d(in.main, size_);
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    gradient.main = at::_adaptive_avg_pool2d_backward(gradient.main, saved[0]);
    return gradient;
  }

 private:
  std::array<std::int64_t, 2> size_;
};

}  // namespace

OperationPtr adaptive_average_pool(std::int64_t size) {
  return std::make_unique<AdaptiveAveragePool>(size);
}

void adaptive_average_pool(ModelBuilder& model, std::int64_t size) {
  auto out = model.input();
  model.require_fit(out.is_image(), "adaptive_average_pool", "an image [channels, height, width]");
  out.dimensions = {out.channels(), size, size};
  out.shared = false;
  model.tail(adaptive_average_pool(size), std::move(out));
}

}  // namespace fedstrata
