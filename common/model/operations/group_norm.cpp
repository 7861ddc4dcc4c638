#include <torch/torch.h>

#include <tuple>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

constexpr double kEpsilon = 1e-5;

class GroupNorm : public Operation {
 public:
  GroupNorm(int weight, int bias, std::int64_t groups)
      : weight_(static_cast<std::size_t>(weight)),
        bias_(static_cast<std::size_t>(bias)),
        groups_(groups) {}

  State evaluate(State in, Weights const& weights) const override {
    return {std::get<0>(normalise(in.main.contiguous(), weights)), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    auto const input = in.main.contiguous();
    auto [out, mean, inverse_deviation] = normalise(input, weights);
    saved = {input, mean, inverse_deviation};
    return {std::move(out), std::move(in.skip)};
  }

  State backward(State gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto const& input = saved[0];
    auto [input_gradient, weight_gradient, bias_gradient] = at::native_group_norm_backward(
        gradient.main.contiguous(), input, saved[1], saved[2], weights.parameters[weight_],
        input.size(0), input.size(1), input.size(2) * input.size(3), groups_, {!first, true, true});
    accumulate(target.into.parameters[weight_], weight_gradient, target);
    accumulate(target.into.parameters[bias_], bias_gradient, target);
    return {std::move(input_gradient), std::move(gradient.skip)};
  }

 private:
  std::tuple<at::Tensor, at::Tensor, at::Tensor> normalise(at::Tensor const& input,
                                                           Weights const& weights) const {
    return at::native_group_norm(input, weights.parameters[weight_], weights.parameters[bias_],
                                 input.size(0), input.size(1), input.size(2) * input.size(3),
                                 groups_, kEpsilon);
  }

  std::size_t weight_, bias_;
  std::int64_t groups_;
};

}  // namespace

OperationPtr group_norm(int weight, int bias, std::int64_t groups) {
  return std::make_unique<GroupNorm>(weight, bias, groups);
}

}  // namespace fedstrata
