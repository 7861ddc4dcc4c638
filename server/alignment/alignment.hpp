#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/model/model.hpp"

namespace fedstrata {

// Hidden units have no order of their own: a network with its units (and all that belongs to them)
// reordered computes the same function. Before two networks are compared weight by weight, one may
// be brought into the other's order (Ainsworth et al., Git Re-Basin, ICLR 2023).

/// For each group of units an order of them: place i gets unit order[i]. Groups as in
/// Model::units().
struct UnitPermutations {
  std::vector<std::vector<std::int64_t>> groups;
  bool operator==(UnitPermutations const&) const = default;
};

/// Throws InputError if it is not known which units of the model can be reordered.
void require_structure(Model const& model);

/// Every unit in its place.
UnitPermutations identity_permutations(Model const& model);

/// `b` with its units reordered: parameters and buffers in new rows [P] and [Q] of b's type and
/// device. Values are moved, never changed.
Weights permuted(Model const& model, Weights const& b, UnitPermutations const& permutations);

/// The same in place, for rows [P] and [Q] on the host.
void permute_rows(Model const& model, UnitPermutations const& permutations, std::span<float> row,
                  std::span<float> buffer_row);

/// Weight matching: orders of b's units for which the inner product of a's and b's parameters is
/// large. Starts from the order as it is and improves one group at a time, exactly, the others
/// fixed, until none can be improved; the order of groups is drawn from `seed`. The result is a
/// local optimum, never worse than the start; a group whose weights are not finite stays as it is.
/// With several `starts` all but the first are from random orders, and the result is the best of
/// their optima, the earlier one of equals: never worse than that of fewer starts.
UnitPermutations match_weights(Model const& model, Weights const& a, Weights const& b,
                               std::uint64_t seed, std::int64_t starts = 1);

/// Inputs [B, ...] of batch number i, on the model's device.
using InputBatch = std::function<at::Tensor(std::int64_t)>;

/// Activation matching: for each group the order of b's units with the largest sum of correlations
/// to a's, over the samples of batches 0 .. `batches` - 1 and over positions in images and
/// sequences. Correlated are what the group's stages compute before the rectifier, or what leaves
/// their rectifiers (of a group without one, what its stages compute); those of a group's stages
/// are added up. A unit that never changes correlates with none.
UnitPermutations match_activations(Model const& model, Weights const& a, Weights const& b,
                                   InputBatch const& inputs, std::int64_t batches,
                                   AlignAt at = AlignAt::before);

}  // namespace fedstrata
