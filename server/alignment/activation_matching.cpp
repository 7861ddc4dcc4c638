#include <torch/types.h>

#include <algorithm>

#include "common/base/error.hpp"
#include "server/alignment/alignment.hpp"
#include "server/alignment/unit_permutations.hpp"

namespace fedstrata {
namespace {

using NoAutograd = at::AutoDispatchBelowADInplaceOrView;

/// Activations [B, n], [B, tokens, n] or [B, n, H, W] as [observations, n].
at::Tensor observations(at::Tensor const& activations) {
  if (activations.dim() == 2) return activations.to(at::kDouble);
  if (activations.dim() == 3) return activations.flatten(0, 1).to(at::kDouble);
  return activations.permute({0, 2, 3, 1}).reshape({-1, activations.size(1)}).to(at::kDouble);
}

/// Running sums over observations of x [n] and y [n], in double.
class Correlation {
 public:
  void add(at::Tensor const& x, at::Tensor const& y) {
    if (count_ == 0) shift_x_ = x.mean(0), shift_y_ = y.mean(0);
    auto const dx = x - shift_x_, dy = y - shift_y_;
    accumulate(x_, dx.sum(0));
    accumulate(y_, dy.sum(0));
    accumulate(xx_, dx.square().sum(0));
    accumulate(yy_, dy.square().sum(0));
    accumulate(xy_, at::mm(dx.t(), dy));
    count_ += static_cast<double>(x.size(0));
  }

  /// [n, n] of x with y; 0 where one of them never changes.
  at::Tensor result() const {
    auto const covariance = xy_ - at::outer(x_, y_) / count_;
    return covariance * at::outer(inverse_deviation(x_, xx_), inverse_deviation(y_, yy_));
  }

 private:
  static void accumulate(at::Tensor& sum, at::Tensor const& addend) {
    sum = sum.defined() ? sum.add_(addend) : addend;
  }

  at::Tensor inverse_deviation(at::Tensor const& sum, at::Tensor const& squares) const {
    auto const variance = squares - sum.square() / count_;
    return at::where(variance > kRounding * squares, variance.rsqrt(), at::zeros_like(variance));
  }

  static constexpr double kRounding = 1e-12;
  double count_ = 0.0;
  at::Tensor shift_x_, shift_y_;  ///< near the means, against cancellation
  at::Tensor x_, y_, xx_, yy_, xy_;
};

/// What is looked at in a stage.
struct Sight {
  int group = -1;      ///< whose units the stage's head computes; -1 = none
  bool after = false;  ///< as they leave the tail's rectifier, not as they leave the head
};

bool rectifies(Stage const& stage) {
  return std::ranges::any_of(stage.tail, [](auto const& part) { return part->rectifies(); });
}

/// Of each stage.
std::vector<Sight> sights(Model const& model, AlignAt at) {
  std::vector<Sight> result(model.stages().size());
  for (std::size_t g = 0; g < model.units().groups.size(); ++g) {
    std::vector<std::size_t> stages, rectified;
    for (auto const number : model.units().groups[g].stages) {
      auto const s = static_cast<std::size_t>(number);
      stages.push_back(s);
      if (rectifies(model.stages()[s])) rectified.push_back(s);
    }
    bool const after = at == AlignAt::after && !rectified.empty();
    for (auto const s : after ? rectified : stages) result[s] = {static_cast<int>(g), after};
  }
  return result;
}

/// Runs a stage on `frame`, which becomes what it gives on; returns the activations looked at.
at::Tensor run(Stage const& stage, bool after, Weights const& weights, Frame& frame) {
  frame = stage.evaluate_head(std::move(frame), weights);
  at::Tensor seen = after ? at::Tensor() : frame[stage.slot];
  for (auto const& part : stage.tail) {
    frame = part->evaluate(std::move(frame), weights);
    if (!seen.defined() && part->rectifies()) seen = frame.main;
  }
  return seen;
}

void observe(Model const& model, Weights const& a, Weights const& b, at::Tensor const& inputs,
             std::vector<Sight> const& sights, std::vector<Correlation>& correlations) {
  Frame x{inputs}, y{inputs};
  for (std::size_t s = 0; s < sights.size(); ++s) {
    auto const& stage = model.stages()[s];
    auto const of_a = run(stage, sights[s].after, a, x);
    auto const of_b = run(stage, sights[s].after, b, y);
    if (sights[s].group >= 0) correlations[s].add(observations(of_a), observations(of_b));
  }
}

}  // namespace

UnitPermutations match_activations(Model const& model, Weights const& a, Weights const& b,
                                   InputBatch const& inputs, std::int64_t batches, AlignAt at) {
  NoAutograd const guard;
  require(batches > 0, "activation matching needs samples");
  auto result = identity_permutations(model);
  auto const looked_at = sights(model, at);
  std::vector<Correlation> correlations(looked_at.size());
  for (std::int64_t i = 0; i < batches; ++i)
    observe(model, a, b, inputs(i), looked_at, correlations);
  for (std::size_t g = 0; g < result.groups.size(); ++g) {
    at::Tensor scores;
    for (auto const number : model.units().groups[g].stages) {
      auto const stage = static_cast<std::size_t>(number);
      if (looked_at[stage].group < 0) continue;
      auto const correlation = correlations[stage].result();
      scores = scores.defined() ? scores + correlation : correlation;
    }
    result.groups[g] = best_order(scores, result.groups[g]);
  }
  return result;
}

}  // namespace fedstrata
