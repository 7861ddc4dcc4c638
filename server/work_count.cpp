#include "server/work_count.hpp"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace fedstrata {
namespace {

/// Multiply-adds of a head with this output: every weight of an output channel is used once for
/// each of the channel's elements.
double head_cost(LayerTable const& table, Stage const& stage, Weights const& weights,
                 at::Tensor const& out) {
  double sum = 0.0;
  for (std::size_t i = 0; i < table.parameters.size(); ++i) {
    auto const& tensor = weights.parameters[i];
    bool const used = std::find(stage.layers.begin(), stage.layers.end(),
                                table.parameters[i].layer) != stage.layers.end();
    if (!used || tensor.dim() < 2) continue;
    sum += static_cast<double>(out.numel() / tensor.size(0)) * static_cast<double>(tensor.numel());
  }
  return sum;
}

std::vector<double> stage_costs(Model const& model, InputShape const& input) {
  at::NoGradGuard const no_gradient;
  auto const& table = model.table();
  auto const weights =
      model.view(at::zeros({table.parameter_count}), at::zeros({table.buffer_count}));
  State state{at::zeros({1, input.channels, input.height, input.width}), {}};
  std::vector<double> costs;
  for (auto const& stage : model.stages()) {
    auto head = stage.evaluate_head(std::move(state), weights);
    costs.push_back(head_cost(table, stage, weights, stage.on_skip ? head.skip : head.main));
    state = stage.evaluate_tail(std::move(head), weights);
  }
  return costs;
}

}  // namespace

WorkCount multiply_adds(Model const& model, InputShape const& input, std::int64_t points) {
  auto const costs = stage_costs(model, input);
  auto const forward = std::accumulate(costs.begin(), costs.end(), 0.0);
  auto const curves = 1.0 + 2.0 * static_cast<double>(model.table().layers.size());
  auto const steps = static_cast<double>(points - 1);  // all but the base itself
  double rest = forward;
  double sweep = forward;
  for (std::size_t s = 0; s < costs.size(); ++s) {
    rest -= costs[s];
    auto const& stage = model.stages()[s];
    auto const heads = stage.affine ? 1.0 : steps;
    sweep += static_cast<double>(stage.layers.size()) * (heads * costs[s] + steps * rest);
  }
  return {2.0 * sweep + (steps - 1.0) * forward, curves * static_cast<double>(points) * forward};
}

}  // namespace fedstrata
