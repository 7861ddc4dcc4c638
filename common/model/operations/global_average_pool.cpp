#include <torch/torch.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class GlobalAveragePool : public Operation {
 public:
  State evaluate(State in, Weights const&) const override {
    return {at::mean(in.main, {2, 3}), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    auto const& input = saved[0];
    auto const share = 1.0 / static_cast<double>(input.size(2) * input.size(3));
    auto const small = (gradient.main * share).unsqueeze(2).unsqueeze(3);
    return {small.expand(input.sizes()).contiguous(input.suggest_memory_format()),
            std::move(gradient.skip)};
  }
};

}  // namespace

OperationPtr global_average_pool() { return std::make_unique<GlobalAveragePool>(); }

}  // namespace fedstrata
