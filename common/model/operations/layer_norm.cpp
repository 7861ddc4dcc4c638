#include <torch/types.h>

#include <tuple>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

constexpr double kEpsilon = 1e-5;

class LayerNorm : public Operation {
 public:
  LayerNorm(int weight, int bias)
      : weight_(static_cast<std::size_t>(weight)), bias_(static_cast<std::size_t>(bias)) {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    in.main = std::get<0>(normalise(in.main.contiguous(), weights));
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    auto const input = in.main.contiguous();
    auto [out, mean, inverse_deviation] = normalise(input, weights);
    saved = {input, mean, inverse_deviation};
    in.main = std::move(out);
    return in;
  }

  Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto const& weight = weights.parameters[weight_];
    auto [input_gradient, weight_gradient, bias_gradient] = at::native_layer_norm_backward(
        gradient.main.contiguous(), saved[0], weight.sizes(), saved[1], saved[2], weight,
        weights.parameters[bias_], {!first, true, true});
    accumulate(target.into.parameters[weight_], weight_gradient, target);
    accumulate(target.into.parameters[bias_], bias_gradient, target);
    gradient.main = std::move(input_gradient);
    return gradient;
  }

 private:
  std::tuple<at::Tensor, at::Tensor, at::Tensor> normalise(at::Tensor const& input,
                                                           Weights const& weights) const {
    auto const& weight = weights.parameters[weight_];
    return at::native_layer_norm(input, weight.sizes(), weight, weights.parameters[bias_],
                                 kEpsilon);
  }

  std::size_t weight_, bias_;
};

}  // namespace

OperationPtr layer_norm(int weight, int bias) { return std::make_unique<LayerNorm>(weight, bias); }

void layer_norm(ModelBuilder& model, std::string const& layer) {
  auto out = model.input();
  model.require_fit(out.is_vector() || out.is_sequence(), "layer_norm",
                    "a vector [features] or a sequence [tokens, width]", layer);
  out.shared = false;
  auto const width = out.channels();
  model.open(layer, LayerType::norm);
  // All units enter alike into mean and variance, so each keeps only its own scale and shift.
  auto const w = model.parameter("weight", {width}, {Initializer::Kind::constant, 1.0}, out.units);
  auto const b = model.parameter("bias", {width}, {Initializer::Kind::constant, 0.0}, out.units);
  model.head(layer_norm(w, b), std::move(out));
}

}  // namespace fedstrata
