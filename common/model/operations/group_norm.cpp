#include <torch/types.h>

#include <tuple>

#include "common/model/builder.hpp"
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
    auto const& input = saved[0];
    auto [input_gradient, weight_gradient, bias_gradient] = at::native_group_norm_backward(
        gradient.main.contiguous(), input, saved[1], saved[2], weights.parameters[weight_],
        input.size(0), input.size(1), input.size(2) * input.size(3), groups_, {!first, true, true});
    accumulate(target.into.parameters[weight_], weight_gradient, target);
    accumulate(target.into.parameters[bias_], bias_gradient, target);
    gradient.main = std::move(input_gradient);
    return gradient;
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

void group_norm(ModelBuilder& model, std::string const& layer, std::int64_t groups) {
  auto out = model.input();
  model.require_fit(out.is_image() && out.channels() % groups == 0, "group_norm",
                    "an image [channels, height, width] whose channels form " +
                        std::to_string(groups) + " groups",
                    layer);
  out.shared = false;
  auto const channels = out.channels();
  model.open(layer, LayerType::norm);
  auto const w =
      model.parameter("weight", {channels}, {Initializer::Kind::constant, 1.0}, out.units);
  auto const b = model.parameter("bias", {channels}, {Initializer::Kind::constant, 0.0}, out.units);
  model.units().forbid(
      "normalises groups of neighbouring channels (model.norm = group), so it has no known "
      "structure of its units");
  model.head(group_norm(w, b, groups), std::move(out));
}

}  // namespace fedstrata
