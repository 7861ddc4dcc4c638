#include <torch/torch.h>

#include "common/device/dense.hpp"
#include "common/device/device.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

/// accumulate() with the sums of the gradient's columns.
void accumulate_columns(at::Tensor const& into, at::Tensor const& gradient,
                        GradientTarget const& target) {
  auto const ones = at::ones({gradient.size(0)}, gradient.options());
  into.addmv_(gradient.t(), ones, target.beta, target.alpha);
}

class Linear : public Operation {
 public:
  Linear(int weight, int bias) : weight_(weight), bias_(bias) {}

  State evaluate(State in, Weights const& weights) const override {
    return {product(flat(in.main), weights), std::move(in.skip)};
  }

  State forward(State in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  State backward(State gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto const& input = saved[0];
    auto const& g = gradient.main;
    at::Tensor input_gradient;
    if (!first) {
      input_gradient = at::mm(g, weights.parameters[index(weight_)]);
      if (input.dim() != 2) input_gradient = input_gradient.view(input.sizes());
    }
    // The product adds itself to the target: no gradient tensor in between.
    target.into.parameters[index(weight_)].addmm_(g.t(), flat(input), target.beta, target.alpha);
    if (bias_ >= 0) accumulate_columns(target.into.parameters[index(bias_)], g, target);
    return {std::move(input_gradient), std::move(gradient.skip)};
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  static at::Tensor flat(at::Tensor const& input) {
    return input.dim() == 2 ? input : input.reshape({input.size(0), -1});
  }

  at::Tensor product(at::Tensor const& input, Weights const& weights) const {
    auto const& weight = weights.parameters[index(weight_)];
    auto const bias = bias_ < 0 ? at::Tensor() : weights.parameters[index(bias_)];
    bool const floats = in_host_memory(input) && input.scalar_type() == at::kFloat;
    if (floats && input.size(0) <= kernels::kDenseRows) return few_rows(input, weight, bias);
    return bias_ < 0 ? at::mm(input, weight.t()) : at::addmm(bias, input, weight.t());
  }

  static at::Tensor few_rows(at::Tensor const& input, at::Tensor const& weight,
                             at::Tensor const& bias) {
    auto const x = input.contiguous();
    auto y = at::empty({x.size(0), weight.size(0)}, x.options());
    auto const size = [](at::Tensor const& tensor, int dimension) {
      return static_cast<std::size_t>(tensor.size(dimension));
    };
    kernels::dense(x.data_ptr<float>(), weight.data_ptr<float>(),
                   bias.defined() ? bias.data_ptr<float>() : nullptr, size(x, 0), size(x, 1),
                   size(weight, 0), y.data_ptr<float>());
    return y;
  }

  int weight_;
  int bias_;
};

}  // namespace

OperationPtr linear(int weight, int bias) { return std::make_unique<Linear>(weight, bias); }

}  // namespace fedstrata
