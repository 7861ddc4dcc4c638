#include <torch/types.h>

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

/// For each stage the group whose units its head computes; -1 = none.
std::vector<int> observed_groups(Model const& model) {
  std::vector<int> groups(model.stages().size(), -1);
  for (std::size_t g = 0; g < model.units().groups.size(); ++g) {
    for (auto const stage : model.units().groups[g].stages) {
      groups[static_cast<std::size_t>(stage)] = static_cast<int>(g);
    }
  }
  return groups;
}

void observe(Model const& model, Weights const& a, Weights const& b, at::Tensor const& inputs,
             std::vector<int> const& groups, std::vector<Correlation>& correlations) {
  Frame x{inputs}, y{inputs};
  for (std::size_t s = 0; s < groups.size(); ++s) {
    auto const& stage = model.stages()[s];
    x = stage.evaluate_head(std::move(x), a);
    y = stage.evaluate_head(std::move(y), b);
    if (groups[s] >= 0)
      correlations[s].add(observations(x[stage.slot]), observations(y[stage.slot]));
    x = stage.evaluate_tail(std::move(x), a);
    y = stage.evaluate_tail(std::move(y), b);
  }
}

}  // namespace

UnitPermutations match_activations(Model const& model, Weights const& a, Weights const& b,
                                   InputBatch const& inputs, std::int64_t batches) {
  NoAutograd const guard;
  require(batches > 0, "activation matching needs samples");
  auto result = identity_permutations(model);
  auto const groups = observed_groups(model);
  std::vector<Correlation> correlations(groups.size());
  for (std::int64_t i = 0; i < batches; ++i) observe(model, a, b, inputs(i), groups, correlations);
  for (std::size_t g = 0; g < result.groups.size(); ++g) {
    at::Tensor scores;
    for (auto const stage : model.units().groups[g].stages) {
      auto const correlation = correlations[static_cast<std::size_t>(stage)].result();
      scores = scores.defined() ? scores + correlation : correlation;
    }
    result.groups[g] = best_order(scores, result.groups[g]);
  }
  return result;
}

}  // namespace fedstrata
