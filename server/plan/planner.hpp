#pragma once
#include "server/plan/round_plan.hpp"

namespace fedstrata {

/// Throws InputError for kinds and splits that do not fit the model and the clients.
RoundPlan plan_round(PlanInput const& input);

}  // namespace fedstrata
