#pragma once
#include <vector>

#include "common/config/config.hpp"
#include "common/model/state_layout.hpp"

namespace fedstrata {

/// What each client keeps beside its model: the fields of the optimizer that the configuration
/// names, then those of the correction.
std::vector<StateField> state_fields(TrainConfig const& train);

/// Does local training need a row [P] for the gradient?
bool needs_gradient_row(TrainConfig const& train);

/// Does it go away from a client's model and come back, and so need a copy [P + Q] of it?
bool needs_model_copy(TrainConfig const& train);

}  // namespace fedstrata
