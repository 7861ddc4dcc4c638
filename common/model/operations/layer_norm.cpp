#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"
#include "common/model/operations/sample_norm.hpp"

namespace fedstrata {
namespace {

class LayerNorm final : public SampleNorm {
 public:
  using SampleNorm::SampleNorm;

 private:
  Tensors normalise(at::Tensor const& input, at::Tensor const& weight,
                    at::Tensor const& bias) const override {
    return at::native_layer_norm(input, weight.sizes(), weight, bias, kEpsilon);
  }

  Tensors gradients(at::Tensor const& gradient, Saved const& saved, at::Tensor const& weight,
                    at::Tensor const& bias, std::array<bool, 3> wanted) const override {
    return at::native_layer_norm_backward(gradient, saved[0], weight.sizes(), saved[1], saved[2],
                                          weight, bias, wanted);
  }
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
