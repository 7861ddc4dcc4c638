#pragma once
#include "common/model/model.hpp"
#include "common/store/tables.hpp"
#include "server/plan/round_plan.hpp"
#include "server/results/round_sums.hpp"

namespace fedstrata {

/// The records of a round from the sums of its curves, sorted by their leading columns. Kinds with
/// draws get a row with draw = -1: the mean over the draws with its 95 % interval (t). A plane
/// through models on one line gets a row of what was skipped.
AnalysisSegment make_tables(RoundPlan const& plan, Model const& model, RoundSums const& sums);

}  // namespace fedstrata
