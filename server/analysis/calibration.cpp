#include "server/analysis/calibration.hpp"

#include <torch/types.h>

#include <algorithm>

namespace fedstrata {
namespace {

bool recomputes(AnalysisConfig const& config) {
  return config.batchnorm.kind == NormSelection::Kind::recompute;
}

}  // namespace

at::Tensor calibration_inputs(AnalysisInput const& input) {
  auto const& config = input.experiment->config.analysis;
  if (!recomputes(config)) return {};
  return input.train->range(0, std::min(config.batchnorm.samples, input.train->size())).inputs;
}

void require_calibration(AnalysisConfig const& config, Model const& model,
                         InputShape const& shape) {
  if (!recomputes(config) || model.table().buffer_count == 0) return;
  auto weights = initial_weights(model, 0, 0);
  weights.calibration = 2;
  weights.rows = 3;
  model.evaluate(torch::ones(shape.batch(weights.rows)), weights);
}

}  // namespace fedstrata
