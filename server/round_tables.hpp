#pragma once
#include <vector>

#include "common/layer_table.hpp"
#include "common/run_directory.hpp"
#include "server/round_plan.hpp"

namespace fedstrata {

/// The records of a round from the results of its units (one each, in the order of plan.units),
/// sorted by their leading columns. Sums of chunks are added in chunk order.
AnalysisSegment make_tables(RoundPlan const& plan, LayerTable const& table,
                            std::vector<std::vector<double>> const& results);

}  // namespace fedstrata
