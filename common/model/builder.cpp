// Two accounts are kept while a model is put together: what it consists of (stages, layer table,
// initialisers, units), which the Model takes over in the end, and what is in each slot at the
// moment (Activations), against which every operation is checked. Operations know how to add
// themselves; nothing here depends on which there are.
#include "common/model/builder.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using Kind = Initializer::Kind;

}  // namespace

Initializer weight_start(InitScheme scheme, std::int64_t fan_in, std::int64_t fan_out) {
  switch (scheme) {
    case InitScheme::uniform_fan_in:
      return {Kind::uniform, 1.0 / std::sqrt(static_cast<double>(fan_in))};
    case InitScheme::normal_fan_out:
      return {Kind::normal, std::sqrt(2.0 / static_cast<double>(fan_out))};
    case InitScheme::normal_small:
      return {Kind::normal, 0.01};
  }
  throw Error("unknown kind of initialisation");
}

Initializer bias_start(InitScheme scheme, std::int64_t fan_in) {
  if (scheme != InitScheme::uniform_fan_in) return {Kind::constant, 0.0};
  return weight_start(scheme, fan_in, 0);
}

ModelBuilder::ModelBuilder(std::string name, InputShape const& input, MemoryOrder order)
    : ModelBuilder(std::move(name), input.dimensions) {
  order_ = order;
}

ModelBuilder::ModelBuilder(std::string name, Dimensions input, Elements elements)
    : name_(std::move(name)),
      slots_{Activations{.dimensions = std::move(input), .elements = elements, .shared = true}} {}

Model ModelBuilder::build() {
  units_.merge(input().units, UnitTracker::kFixed);
  return {std::move(name_),
          std::move(table_),
          std::move(stages_),
          std::move(parameter_initializers_),
          std::move(buffer_initializers_),
          units_.structure()};
}

void ModelBuilder::require_fit(bool fits, std::string const& operation, std::string const& needs,
                               std::string const& layer) const {
  if (fits) return;
  auto const where = !layer.empty()        ? "layer " + layer + " (" + operation + ")"
                     : open_layer_.empty() ? operation + " at its beginning"
                                           : operation + " after layer " + open_layer_;
  auto const tokens = input().elements == Elements::tokens ? " token indices" : "";
  throw InputError("model " + name_ + ": " + where + " needs " + needs + ", but is given" + tokens +
                   " " + text(input().dimensions));
}

void ModelBuilder::open(std::string const& layer, LayerType type, bool affine) {
  open_layer_ = layer;
  table_.layers.push_back({layer,
                           type,
                           {table_.parameter_count, 0},
                           {table_.buffer_count, 0},
                           static_cast<int>(stages_.size())});
  Stage stage;
  stage.layers = {static_cast<int>(table_.layers.size()) - 1};
  stage.affine = affine;
  stage.slot = slot_;
  stages_.push_back(std::move(stage));
}

int ModelBuilder::parameter(std::string const& tensor, Dimensions shape, Initializer initializer,
                            UnitTracker::Units outputs, UnitTracker::Units inputs,
                            std::int64_t block) {
  parameter_initializers_.push_back(std::move(initializer));
  units_.parameter(outputs, inputs, block);
  return append_parameter(table_, open_layer_ + "." + tensor, std::move(shape));
}

int ModelBuilder::buffer(std::string const& tensor, std::int64_t size, double value,
                         UnitTracker::Units units) {
  buffer_initializers_.push_back({Kind::constant, value});
  units_.buffer(units);
  return append_buffer(table_, open_layer_ + "." + tensor, {size});
}

void ModelBuilder::head(OperationPtr operation, Activations output) {
  stages_.back().head = placed(std::move(operation));
  set(slot_, std::move(output));
}

void ModelBuilder::tail(OperationPtr operation, Activations output) {
  if (stages_.empty()) {  // nothing has parameters yet: a stage of no layer
    stages_.emplace_back();
    stages_.back().slot = slot_;
    head(std::move(operation), std::move(output));
    return;
  }
  stages_.back().tail.push_back(placed(std::move(operation)));
  set(slot_, std::move(output));
}

void ModelBuilder::tail(OperationPtr operation) { tail(std::move(operation), input()); }

OperationPtr ModelBuilder::placed(OperationPtr operation) const {
  return slot_ == kMainSlot ? std::move(operation) : on_slot(slot_, std::move(operation));
}

Dimensions ModelBuilder::slid(Window window) const {
  auto result = input().dimensions;
  for (std::size_t i = 1; i < result.size(); ++i) {
    auto const room = result[i] + 2 * window.padding - window.kernel;
    require_input(room >= 0, "model " + name_ + " does not fit images this small: after layer " +
                                 open_layer_ + " nothing would be left; choose another model");
    result[i] = room / window.stride + 1;
  }
  return result;
}

Slot ModelBuilder::slot(std::string const& name) {
  auto const found = std::ranges::find(slot_names_, name);
  auto const slot = static_cast<Slot>(found - slot_names_.begin());
  if (found == slot_names_.end()) {
    slot_names_.push_back(name);
    slots_.emplace_back();
  }
  require(
      slot != slot_ && slot != kMainSlot,
      "model " + name_ + ": slot " + name + " cannot be the other slot of " + slot_names_[slot_]);
  return slot;
}

Slot ModelBuilder::used_slot(std::string const& name) const {
  auto const found = std::ranges::find(slot_names_, name);
  auto const slot = static_cast<Slot>(found - slot_names_.begin());
  require_input(found != slot_names_.end() && !slots_[slot].empty(),
                "model " + name_ + ": nothing is saved in slot " + name +
                    (open_layer_.empty() ? "" : " after layer " + open_layer_));
  return slot;
}

}  // namespace fedstrata
