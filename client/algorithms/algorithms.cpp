#include "client/algorithms/algorithms.hpp"

#include <torch/types.h>

#include <algorithm>

#include "client/algorithms/correction.hpp"
#include "client/algorithms/optimizer.hpp"
#include "common/base/error.hpp"

namespace fedstrata {

at::Tensor LocalRows::parameters() const { return narrow(state, layout.parameters()); }

at::Tensor LocalRows::field(std::string const& name) const {
  return narrow(state, layout.field(name));
}

Weights LocalRows::view(at::Tensor const& row) const {
  auto const buffers = narrow(state, layout.buffers());
  return state.dim() == 2 ? model->view_of_clients(row, buffers) : model->view(row, buffers);
}

GradientTarget Optimizer::in_place(double /*lr*/) const {
  throw Error("this optimizer needs its gradient in a row");
}

void Optimizer::finish(double /*lr*/) {}

std::unique_ptr<Optimizer> make_optimizer(TrainConfig const& train) {
  auto const* const entry = std::ranges::find(kOptimizers, train.optimizer, &OptimizerEntry::name);
  require(entry != std::end(kOptimizers),
          "train.optimizer = " + train.optimizer + " is not listed");
  return entry->make(train);
}

std::unique_ptr<Correction> make_correction(TrainConfig const& train) {
  if (train.correction == "none") return nullptr;
  auto const* const entry =
      std::ranges::find(kCorrections, train.correction, &CorrectionEntry::name);
  require(entry != std::end(kCorrections),
          "train.correction = " + train.correction + " is not listed");
  return entry->make(train);
}

std::vector<StateField> state_fields(TrainConfig const& train) {
  auto fields = make_optimizer(train)->fields();
  for (auto& field : fields) field.at_averaging = train.momentum_at_averaging;
  if (auto const correction = make_correction(train)) {
    for (auto const& field : correction->fields()) fields.push_back(field);
  }
  return fields;
}

bool needs_gradient_row(TrainConfig const& train) {
  return !make_optimizer(train)->works_in_place() || make_correction(train) != nullptr ||
         train.clip > 0.0 || needs_model_copy(train);
}

bool needs_model_copy(TrainConfig const& train) { return train.sam_rho > 0.0; }

}  // namespace fedstrata
