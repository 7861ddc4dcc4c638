#pragma once
#include <vector>

#include "common/store/records.hpp"

namespace fedstrata {

/// For each curve that was drawn several times (kinds random, subset, subspace-*), a row with
/// draw = -1: means over the draws, and in the columns low and high the 95 % interval (t) of the
/// mean over draws; NaN for a single draw.
std::vector<BarrierRecord> draw_means(std::vector<BarrierRecord> const& rows);

}  // namespace fedstrata
