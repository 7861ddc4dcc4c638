#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class Positions : public Operation {
 public:
  explicit Positions(int weight) : weight_(static_cast<std::size_t>(weight)) {}

  Frame evaluate(Frame in, Weights const& weights) const override {
    in.main = in.main + weights.parameters[weight_];
    return in;
  }

  Frame forward(Frame in, Weights const& weights, Saved&) const override {
    return evaluate(std::move(in), weights);
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const& target, Saved&,
                 bool) const override {
    accumulate(target.into.parameters[weight_], gradient.main.sum(0), target);
    return gradient;
  }

 private:
  std::size_t weight_;
};

}  // namespace

OperationPtr positions(int weight) { return std::make_unique<Positions>(weight); }

void positions(ModelBuilder& model, std::string const& layer, double deviation) {
  auto out = model.input();
  model.require_fit(out.is_sequence(), "positions", "a sequence [tokens, width]", layer);
  out.shared = false;
  model.open(layer, LayerType::embed);
  auto const w = model.parameter("weight", out.dimensions, {Initializer::Kind::normal, deviation},
                                 UnitTracker::kFixed, out.units);
  model.head(positions(w), std::move(out));
}

}  // namespace fedstrata
