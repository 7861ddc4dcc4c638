#include <torch/types.h>

#include "common/device/dense.hpp"
#include "common/device/device.hpp"
#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

/// accumulate() with the sums of the gradient's columns.
void accumulate_columns(at::Tensor const& into, at::Tensor const& gradient,
                        GradientTarget const& target) {
  if (target.waiting != nullptr) return accumulate(into, gradient.sum(0), target);
  auto const ones = at::ones({gradient.size(0)}, gradient.options());
  into.addmv_(gradient.t(), ones, target.beta, target.alpha);
}

class Linear : public Operation {
 public:
  Linear(int weight, int bias) : weight_(weight), bias_(bias) {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    bool const sequence = in.main.dim() == 3;
    auto const batch = in.main.size(0);
    in.main = product(rows(in.main), weights);
    if (sequence) in.main = in.main.view({batch, -1, in.main.size(1)});
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    if (weights.clients == 0) return evaluate(std::move(in), weights);
    in.main = product_of_clients(rows(in.main), weights);
    return in;
  }

  Frame backward(Frame gradient, Weights const& weights, GradientTarget const& target, Saved& saved,
                 bool first) const override {
    auto const& input = saved[0];
    if (weights.clients > 0) {
      gradient.main = backward_of_clients(gradient.main, weights, target, input, first);
      return gradient;
    }
    auto const g = gradient.main.dim() == 3 ? rows(gradient.main) : gradient.main;
    at::Tensor input_gradient;
    if (!first) {
      auto const& weight = weights.parameters[index(weight_)];
      input_gradient = in_few_rows(g) ? input_gradient_of_few(g, weight) : at::mm(g, weight);
      if (input.dim() != 2) input_gradient = input_gradient.view(input.sizes());
    }
    // The product adds itself to the target: no gradient tensor in between.
    auto const weight = target.into.parameters[index(weight_)];
    auto const bias = bias_ < 0 ? at::Tensor() : target.into.parameters[index(bias_)];
    if (in_few_rows(g)) {
      add_gradient_of_few(g, rows(input), weight, bias, target);
    } else {
      weight.addmm_(g.t(), rows(input), target.beta, target.alpha);
      if (bias_ >= 0) accumulate_columns(bias, g, target);
    }
    gradient.main = std::move(input_gradient);
    return gradient;
  }

  bool takes_clients() const override { return true; }

  double multiply_adds(Frame const& output, Weights const& weights) const override {
    return static_cast<double>(output.main.numel()) *
           static_cast<double>(weights.parameters[index(weight_)].size(1));
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }

  /// [B, inputs], or [B * tokens, inputs] of a sequence.
  static at::Tensor rows(at::Tensor const& input) {
    if (input.dim() == 2) return input;
    return input.dim() == 3 ? input.reshape({-1, input.size(2)})
                            : input.reshape({input.size(0), -1});
  }

  at::Tensor product(at::Tensor const& input, Weights const& weights) const {
    auto const& weight = weights.parameters[index(weight_)];
    auto const bias = bias_ < 0 ? at::Tensor() : weights.parameters[index(bias_)];
    if (in_few_rows(input)) return product_of_few(input, weight, bias);
    return bias_ < 0 ? at::mm(input, weight.t()) : at::addmm(bias, input, weight.t());
  }

  // K clients at once. On a device their products are one batched product; in host memory, where
  // launches cost nothing, each client's is the one that it would be alone.

  /// [K * B, inputs] as [K, B, inputs].
  static at::Tensor by_client(at::Tensor const& matrix, std::int64_t clients) {
    return matrix.view({clients, -1, matrix.size(1)});
  }

  at::Tensor product_of_clients(at::Tensor const& input, Weights const& weights) const {
    auto const x = by_client(input.contiguous(), weights.clients);
    auto const& weight = weights.parameters[index(weight_)];
    if (in_host_memory(input)) {
      std::vector<at::Tensor> all;
      for (std::int64_t k = 0; k < weights.clients; ++k)
        all.push_back(product(x[k], client(weights, k)));
      return at::cat(all);
    }
    auto const w = weight.transpose(1, 2);
    auto const y = bias_ < 0 ? at::bmm(x, w)
                             : at::baddbmm(weights.parameters[index(bias_)].unsqueeze(1), x, w);
    return y.view({input.size(0), weight.size(1)});
  }

  at::Tensor backward_of_clients(at::Tensor const& gradient, Weights const& weights,
                                 GradientTarget const& target, at::Tensor const& input,
                                 bool first) const {
    auto const clients = weights.clients;
    auto const x = by_client(rows(input).contiguous(), clients);
    auto const g = by_client(gradient.contiguous(), clients);
    if (in_host_memory(gradient)) {
      std::vector<at::Tensor> all;
      for (std::int64_t k = 0; k < clients; ++k) {
        GradientTarget const own{client(target.into, k), target.beta, target.alpha};
        Saved saved{x[k]};
        all.push_back(backward({g[k]}, client(weights, k), own, saved, first).main);
      }
      return first ? at::Tensor() : at::cat(all).view(input.sizes());
    }
    at::Tensor input_gradient;
    if (!first) input_gradient = at::bmm(g, weights.parameters[index(weight_)]).view(input.sizes());
    auto const weight = target.into.parameters[index(weight_)];
    weight.baddbmm_(g.transpose(1, 2), x, target.beta, target.alpha);
    if (bias_ >= 0) accumulate(target.into.parameters[index(bias_)], g.sum(1), target);
    return input_gradient;
  }

  /// The tensors of this operation alone, of one of several clients.
  Weights client(Weights const& weights, std::int64_t k) const {
    Weights own;
    own.parameters.resize(weights.parameters.size());
    for (int const i : {weight_, bias_})
      if (i >= 0) own.parameters[index(i)] = weights.parameters[index(i)][k];
    return own;
  }

  /// Is it worth a loop of ours (kernels::kDenseRows)?
  static bool in_few_rows(at::Tensor const& matrix) {
    return matrix.size(0) <= kernels::kDenseRows && matrix.scalar_type() == at::kFloat &&
           in_host_memory(matrix);
  }

  static std::size_t size(at::Tensor const& tensor, int dimension) {
    return static_cast<std::size_t>(tensor.size(dimension));
  }
  static float* data(at::Tensor const& tensor) {
    return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
  }

  static at::Tensor product_of_few(at::Tensor const& input, at::Tensor const& weight,
                                   at::Tensor const& bias) {
    auto const x = input.contiguous();
    auto y = at::empty({x.size(0), weight.size(0)}, x.options());
    kernels::dense(data(x), data(weight), data(bias), size(x, 0), size(x, 1), size(weight, 0),
                   data(y));
    return y;
  }

  static at::Tensor input_gradient_of_few(at::Tensor const& gradient, at::Tensor const& weight) {
    auto const g = gradient.contiguous();
    auto out = at::empty({g.size(0), weight.size(1)}, g.options());
    kernels::dense_input_gradient(data(g), data(weight), size(g, 0), size(weight, 1),
                                  size(weight, 0), data(out));
    return out;
  }

  static void add_gradient_of_few(at::Tensor const& gradient, at::Tensor const& input,
                                  at::Tensor const& weight, at::Tensor const& bias,
                                  GradientTarget const& target) {
    auto const g = gradient.contiguous();
    auto const x = input.contiguous();
    kernels::dense_gradient(data(g), data(x), size(g, 0), size(x, 1), size(g, 1),
                            static_cast<float>(target.beta), static_cast<float>(target.alpha),
                            data(weight), data(bias));
  }

  int weight_;
  int bias_;
};

}  // namespace

OperationPtr linear(int weight, int bias) { return std::make_unique<Linear>(weight, bias); }

void linear(ModelBuilder& model, std::string const& layer, std::int64_t outputs, InitScheme scheme,
            bool bias) {
  auto const in = model.input();
  model.require_fit(in.elements == Elements::reals, "linear", "real numbers", layer);
  auto const inputs = in.is_sequence() ? in.channels() : element_count(in.dimensions);
  model.open(layer, LayerType::linear);
  auto const units = model.new_units(outputs);
  auto const w = model.parameter("weight", {outputs, inputs}, weight_start(scheme, inputs, outputs),
                                 units, in.units, inputs / in.channels());
  auto const b = bias ? model.parameter("bias", {outputs}, bias_start(scheme, inputs), units) : -1;
  auto out = in.is_sequence() ? Dimensions{in.dimensions[0], outputs} : Dimensions{outputs};
  model.head(linear(w, b), {.dimensions = std::move(out), .units = units});
}

}  // namespace fedstrata
