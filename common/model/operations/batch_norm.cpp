#include <torch/types.h>

#include <tuple>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;

class BatchNorm : public Operation {
 public:
  BatchNorm(int weight, int bias, int mean, int variance)
      : weight_(static_cast<std::size_t>(weight)),
        bias_(static_cast<std::size_t>(bias)),
        mean_(static_cast<std::size_t>(mean)),
        variance_(static_cast<std::size_t>(variance)) {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    in.main = weights.calibration > 0 ? calibrated(in.main, weights)
                                      : std::get<0>(normalise(in.main, weights, false));
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    auto [out, mean, inverse_deviation] = normalise(in.main, weights, true);
    saved = {in.main, mean, inverse_deviation};
    in.main = std::move(out);
    return in;
  }

  Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto [input_gradient, weight_gradient, bias_gradient] = at::native_batch_norm_backward(
        gradient.main, saved[0], weights.parameters[weight_], weights.buffers[mean_],
        weights.buffers[variance_], saved[1], saved[2], true, kEpsilon, {!first, true, true});
    accumulate(target.into.parameters[weight_], weight_gradient, target);
    accumulate(target.into.parameters[bias_], bias_gradient, target);
    gradient.main = std::move(input_gradient);
    return gradient;
  }

 private:
  std::tuple<at::Tensor, at::Tensor, at::Tensor> normalise(at::Tensor const& input,
                                                           Weights const& weights,
                                                           bool training) const {
    return at::native_batch_norm(input, weights.parameters[weight_], weights.parameters[bias_],
                                 weights.buffers[mean_], weights.buffers[variance_], training,
                                 kMomentum, kEpsilon);
  }

  /// As after a training pass over each stack's calibration samples alone: they are normalised by
  /// their variance, the others by its unbiased estimate, which is what running statistics hold.
  at::Tensor calibrated(at::Tensor const& input, Weights const& weights) const {
    auto const stacks = input.unflatten(0, {input.size(0) / weights.rows, weights.rows});
    auto const samples = stacks.narrow(1, 0, weights.calibration);
    auto const others = stacks.narrow(1, weights.calibration, weights.rows - weights.calibration);
    at::Tensor variance, mean;
    std::tie(variance, mean) = at::var_mean(samples, at::IntArrayRef{1, 3, 4}, true, true);
    auto const count = static_cast<double>(weights.calibration * input.size(2) * input.size(3));
    auto const channels = [](at::Tensor const& t) { return t.view({1, 1, -1, 1, 1}); };
    auto const apply = [&](at::Tensor const& to, at::Tensor const& by) {
      auto const scale = channels(weights.parameters[weight_]) * at::rsqrt(by + kEpsilon);
      return at::addcmul(channels(weights.parameters[bias_]) - mean * scale, to, scale);
    };
    auto const biased = variance * ((count - 1.0) / count);
    return at::cat({apply(samples, biased), apply(others, variance)}, 1).flatten(0, 1);
  }

  std::size_t weight_, bias_, mean_, variance_;
};

}  // namespace

OperationPtr batch_norm(int weight, int bias, int mean, int variance) {
  return std::make_unique<BatchNorm>(weight, bias, mean, variance);
}

void batch_norm(ModelBuilder& model, std::string const& layer) {
  auto out = model.input();
  model.require_fit(out.is_image(), "batch_norm", "an image [channels, height, width]", layer);
  out.shared = false;
  auto const channels = out.channels();
  // With the statistics it is not affine in all that belongs to the layer.
  model.open(layer, LayerType::norm, false);
  auto const w =
      model.parameter("weight", {channels}, {Initializer::Kind::constant, 1.0}, out.units);
  auto const b = model.parameter("bias", {channels}, {Initializer::Kind::constant, 0.0}, out.units);
  auto const mean = model.buffer("running_mean", channels, 0.0, out.units);
  auto const variance = model.buffer("running_var", channels, 1.0, out.units);
  model.units().normalise(out.units, model.stage());
  model.head(batch_norm(w, b, mean, variance), std::move(out));
}

}  // namespace fedstrata
