#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/analysis/kinds.hpp"
#include "common/model/layer_table.hpp"

namespace fedstrata {

/// Layers that are interpolated together, and the name of the set in column `target`.
struct Target {
  std::string name;
  std::vector<int> layers;  ///< indices, ascending
};

/// The targets of a kind, in the order of its curves: one per layer for layer, cumulative-* (the
/// layers up to it in the kind's order), complement; one per window; one for full and group; one
/// per two layers for interaction. For subset, random and subspace each layer, then (random,
/// subspace) all. cumulative-random's order is drawn from the seed; cumulative-minimal takes the
/// first five layers, then the last five, then the middle (Adilova et al. 2024, section 3). Throws
/// InputError: a selector that matches nothing, a window wider than the model, a plane's layer that
/// is not there.
std::vector<Target> targets(Kind const& kind, LayerTable const& table, std::uint64_t seed);

}  // namespace fedstrata
