#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "common/model/layer_table.hpp"
#include "common/store/records.hpp"
#include "server/math/geometry.hpp"
#include "server/plan/round_plan.hpp"

namespace fedstrata {

/// Singular values of the participants' differences from their (unweighted) mean, [clients,
/// elements], per layer and whole, from the distances between them (classical scaling); one fewer
/// than clients. Nothing where a distance is missing. `comparisons`: products per layer, by index
/// in the plan.
std::vector<SpreadRecord> spread(RoundPlan const& plan, LayerTable const& table,
                                 std::map<std::size_t, std::vector<Products>> const& comparisons);

}  // namespace fedstrata
