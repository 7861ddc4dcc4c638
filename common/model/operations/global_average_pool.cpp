#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class GlobalAveragePool : public Operation {
 public:
  Frame evaluate(Frame in, Weights const&) const override {
    in.main = in.main.dim() == 3 ? at::mean(in.main, {1}) : at::mean(in.main, {2, 3});
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    auto const& input = saved[0];
    if (input.dim() == 3) {
      auto const token = gradient.main / static_cast<double>(input.size(1));
      gradient.main = token.unsqueeze(1).expand(input.sizes()).contiguous();
      return gradient;
    }
    auto const share = 1.0 / static_cast<double>(input.size(2) * input.size(3));
    auto const small = (gradient.main * share).unsqueeze(2).unsqueeze(3);
    gradient.main = small.expand(input.sizes()).contiguous(input.suggest_memory_format());
    return gradient;
  }
};

}  // namespace

OperationPtr global_average_pool() { return std::make_unique<GlobalAveragePool>(); }

void global_average_pool(ModelBuilder& model) {
  auto out = model.input();
  model.require_fit(out.is_image() || out.is_sequence(), "global_average_pool",
                    "an image [channels, height, width] or a sequence [tokens, width]");
  out.dimensions = {out.channels()};
  out.shared = false;
  model.tail(global_average_pool(), std::move(out));
}

}  // namespace fedstrata
