#include "common/model/operations/sample_norm.hpp"

#include <torch/types.h>

#include <utility>

#include "common/model/operations/operations.hpp"

namespace fedstrata {

Frame SampleNorm::evaluate(Frame in, Weights const& weights) const {
  in.main = std::get<0>(
      normalise(in.main.contiguous(), weights.parameters[weight_], weights.parameters[bias_]));
  return in;
}

Frame SampleNorm::forward(Frame in, Weights const& weights, Saved& saved) const {
  auto const input = in.main.contiguous();
  auto [out, mean, inverse_deviation] =
      normalise(input, weights.parameters[weight_], weights.parameters[bias_]);
  saved = {input, mean, inverse_deviation};
  in.main = std::move(out);
  return in;
}

Frame SampleNorm::backward(Frame gradient, Weights const& weights, GradientTarget const& target,
                           Saved& saved, bool first) const {
  auto [input_gradient, weight_gradient, bias_gradient] =
      gradients(gradient.main.contiguous(), saved, weights.parameters[weight_],
                weights.parameters[bias_], {!first, true, true});
  accumulate(target.into.parameters[weight_], weight_gradient, target);
  accumulate(target.into.parameters[bias_], bias_gradient, target);
  gradient.main = std::move(input_gradient);
  return gradient;
}

}  // namespace fedstrata
