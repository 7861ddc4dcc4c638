#include "server/alignment/unit_permutations.hpp"

#include <torch/types.h>

#include <cmath>
#include <numeric>

#include "common/base/error.hpp"
#include "server/math/linear_assignment.hpp"

namespace fedstrata {
namespace {

using NoAutograd = at::AutoDispatchBelowADInplaceOrView;

/// Scores are sums of many float32 products.
constexpr double kRounding = 1e-6;

void permute(std::vector<at::Tensor> const& from, std::vector<TensorUnits> const& units,
             UnitOrders const& orders, std::vector<at::Tensor> const& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto const outputs = reorder(by_units(from[i], units[i]), 0, units[i].outputs, orders);
    into[i].copy_(reorder(outputs, 1, units[i].inputs, orders).view(from[i].sizes()));
  }
}

void require_fit(UnitStructure const& units, UnitPermutations const& permutations) {
  bool fits = permutations.groups.size() == units.groups.size();
  for (std::size_t g = 0; fits && g < units.groups.size(); ++g) {
    fits = static_cast<std::int64_t>(permutations.groups[g].size()) == units.groups[g].size;
  }
  require(fits, "the permutations are not for this model's units");
}

}  // namespace

void require_structure(Model const& model) {
  require_input(model.units().obstacle.empty(), "analysis.align: model " + model.name() + " " +
                                                    model.units().obstacle +
                                                    "; use analysis.align = none");
}

UnitPermutations identity_permutations(Model const& model) {
  require_structure(model);
  UnitPermutations result;
  for (auto const& group : model.units().groups) {
    result.groups.emplace_back(static_cast<std::size_t>(group.size));
    std::iota(result.groups.back().begin(), result.groups.back().end(), 0);
  }
  return result;
}

Weights permuted(Model const& model, Weights const& b, UnitPermutations const& permutations) {
  NoAutograd const guard;
  require_structure(model);
  require_fit(model.units(), permutations);
  auto const options = b.parameters.front().options();
  auto const result = model.view(at::empty({model.table().parameter_count}, options),
                                 at::empty({model.table().buffer_count}, options));
  auto const orders = unit_orders(permutations, options.device());
  permute(b.parameters, model.units().parameters, orders, result.parameters);
  permute(b.buffers, model.units().buffers, orders, result.buffers);
  return result;
}

void permute_rows(Model const& model, UnitPermutations const& permutations, std::span<float> row,
                  std::span<float> buffer_row) {
  NoAutograd const guard;
  auto const borrow = [](std::span<float> values) {
    return at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kFloat);
  };
  auto const rows = model.view(borrow(row), borrow(buffer_row));
  auto const moved = permuted(model, rows, permutations);
  for (std::size_t i = 0; i < moved.parameters.size(); ++i) {
    rows.parameters[i].copy_(moved.parameters[i]);
  }
  for (std::size_t i = 0; i < moved.buffers.size(); ++i) rows.buffers[i].copy_(moved.buffers[i]);
}

UnitOrders unit_orders(UnitPermutations const& permutations, at::Device device) {
  UnitOrders orders;
  for (auto const& group : permutations.groups) {
    orders.push_back(at::tensor(group, at::kLong).to(device));
  }
  return orders;
}

at::Tensor by_units(at::Tensor const& tensor, TensorUnits const& units) {
  return tensor.reshape({tensor.size(0), -1, units.block});
}

at::Tensor reorder(at::Tensor const& tensor, std::int64_t axis, int group,
                   UnitOrders const& orders) {
  if (group < 0) return tensor;
  return tensor.index_select(axis, orders[static_cast<std::size_t>(group)]);
}

std::vector<std::int64_t> best_order(at::Tensor const& scores,
                                     std::vector<std::int64_t> const& current) {
  if (!at::isfinite(scores).all().item<bool>()) return current;
  auto const host = scores.to(at::kCPU, at::kDouble).contiguous();
  auto const n = current.size();
  std::span<double const> const values(host.data_ptr<double>(), n * n);
  auto best = linear_assignment(values, static_cast<std::int64_t>(n), Goal::maximise);
  double gain = 0.0, scale = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    double const after = values[i * n + static_cast<std::size_t>(best[i])];
    double const before = values[i * n + static_cast<std::size_t>(current[i])];
    gain += after - before;
    scale += std::abs(after) + std::abs(before);
  }
  return gain > kRounding * scale ? best : current;
}

}  // namespace fedstrata
