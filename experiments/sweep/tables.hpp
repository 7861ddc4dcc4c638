#pragma once
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/store/records.hpp"
#include "experiments/sweep/column_table.hpp"
#include "experiments/sweep/sweep.hpp"
#include "experiments/view/barrier_summary.hpp"

namespace fedstrata {

// The tables of a collected sweep (docs/sweeps.md). Each row begins with number and names of the
// cell and its values of the axes.

/// A cell that has a run.
struct Collected {
  std::size_t index;  ///< of the cell in the sweep
  std::string model;
  std::string dataset;
  std::vector<RoundRecord> rounds;
  std::vector<std::pair<std::string, std::vector<BarrierSummary>>> analyses;
};

/// A row for each cell of the sweep, those without a run too.
ColumnTable cell_table(Sweep const& sweep, std::vector<CellStatus> const& status);
/// A row for each cell and round.
ColumnTable round_table(Sweep const& sweep, std::vector<Collected> const& cells);
/// A row for each cell and summary of barriers.
ColumnTable barrier_table(Sweep const& sweep, std::vector<Collected> const& cells);

}  // namespace fedstrata
