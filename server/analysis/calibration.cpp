#include "server/analysis/calibration.hpp"

#include <torch/types.h>

#include <algorithm>
#include <vector>

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
  auto const& table = model.table();
  if (!recomputes(config) || table.buffer_count == 0) return;
  std::vector<float> row(static_cast<std::size_t>(table.parameter_count));
  std::vector<float> buffers(static_cast<std::size_t>(table.buffer_count));
  model.initialize(row, buffers, 0, 0);
  auto weights = model.view(torch::tensor(row), torch::tensor(buffers));
  weights.calibration = 2;
  weights.rows = 3;
  model.evaluate(torch::ones(shape.batch(weights.rows)), weights);
}

}  // namespace fedstrata
