#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "common/model/unit_structure.hpp"
#include "server/alignment/alignment.hpp"

namespace fedstrata {

/// An order of the units of each group, int64 on the weights' device.
using UnitOrders = std::vector<at::Tensor>;

UnitOrders unit_orders(UnitPermutations const& permutations, at::Device device);

/// A tensor as [outputs, inputs, block]; a view where its memory allows.
at::Tensor by_units(at::Tensor const& tensor, TensorUnits const& units);

/// `tensor` with an axis put into its group's order; as it is where the units keep their places.
at::Tensor reorder(at::Tensor const& tensor, std::int64_t axis, int group,
                   UnitOrders const& orders);

/// The assignment of b's units to a's that maximises the sum of `scores` [n of a, n of b], if it
/// beats `current` by more than rounding; `current` otherwise, and when a score is not finite.
std::vector<std::int64_t> best_order(at::Tensor const& scores,
                                     std::vector<std::int64_t> const& current);

}  // namespace fedstrata
