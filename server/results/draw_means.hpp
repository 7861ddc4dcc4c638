#pragma once
#include <vector>

#include "common/store/records.hpp"

namespace fedstrata {

/// `rows`: of curves that are drawn. For each that was drawn several times, and differs in nothing
/// but the draw, a row with draw = -1: means over the draws, and in the columns low and high the
/// 95 % interval (t) of the mean over draws; NaN for a single draw.
std::vector<BarrierRecord> draw_means(std::vector<BarrierRecord> const& rows);

}  // namespace fedstrata
