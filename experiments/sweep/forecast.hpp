#pragma once
#include <vector>

#include "experiments/sweep/sweep.hpp"

namespace fedstrata {

/// Seconds by cell: of those that are done what they took; of the others, what is left of as many
/// rounds at the pace of the done cells that are most like it (most equal values, the seed apart);
/// NaN as long as none is done.
std::vector<double> forecast_cells(Sweep const& sweep, std::vector<CellStatus> const& status);

}  // namespace fedstrata
