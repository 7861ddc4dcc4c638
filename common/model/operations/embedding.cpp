#include <torch/types.h>

#include "common/device/device.hpp"
#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Embedding : public Operation {
 public:
  explicit Embedding(int weight) : weight_(static_cast<std::size_t>(weight)) {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    auto const& weight = weights.parameters[weight_];
    auto shape = in.main.sizes().vec();
    shape.push_back(weight.size(1));
    in.main = weight.index_select(0, in.main.reshape({-1})).view(shape);
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    saved = {in.main};
    return evaluate(std::move(in), weights);
  }

  // Straight into the target: the rows of the batch's tokens, not a gradient of the vocabulary's
  // size. There is no gradient by the tokens.
  Frame backward(Frame gradient, Weights const&, GradientTarget const& target, Saved& saved,
                 bool) const override {
    auto const& into = target.into.parameters[weight_];
    if (target.beta == 0.0)
      into.zero_();
    else if (target.beta != 1.0)
      into.mul_(target.beta);
    auto const tokens = saved[0].reshape({-1});
    auto const rows = gradient.main.reshape({tokens.numel(), into.size(1)});
    // Both add in one order; on a GPU index_add_ would not, on the host index_put_ is slow.
    if (in_host_memory(into))
      into.index_add_(0, tokens, rows, target.alpha);
    else
      into.index_put_({tokens}, rows * target.alpha, true);
    gradient.main = at::Tensor();
    return gradient;
  }

 private:
  std::size_t weight_;
};

}  // namespace

OperationPtr embedding(int weight) { return std::make_unique<Embedding>(weight); }

void embedding(ModelBuilder& model, std::string const& layer, std::int64_t vocabulary,
               std::int64_t width, double deviation) {
  auto const in = model.input();
  model.require_fit(in.elements == Elements::tokens && in.dimensions.size() == 1, "embedding",
                    "token indices [tokens]", layer);
  model.open(layer, LayerType::embed);
  auto const units = model.new_units(width);
  auto const w =
      model.parameter("weight", {vocabulary, width}, {Initializer::Kind::normal, deviation},
                      UnitTracker::kFixed, units);
  model.head(embedding(w), {.dimensions = {in.dimensions[0], width}, .units = units});
}

}  // namespace fedstrata
