#pragma once
#include <ATen/core/Tensor.h>

#include "server/analysis/input.hpp"

namespace fedstrata {

/// Inputs that batch normalisation takes its statistics from (analysis.batchnorm = recompute:N),
/// the first training samples; undefined where it goes by those of the models.
at::Tensor calibration_inputs(AnalysisInput const& input);

/// Throws InputError where the model has statistics that cannot be taken anew, and
/// analysis.batchnorm asks for it.
void require_calibration(AnalysisConfig const& config, Model const& model, InputShape const& shape);

}  // namespace fedstrata
