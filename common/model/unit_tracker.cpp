#include "common/model/unit_tracker.hpp"

#include "common/base/error.hpp"

namespace fedstrata {
UnitTracker::Units UnitTracker::add(std::int64_t size, int stage) {
  auto const units = static_cast<Units>(nodes_.size());
  nodes_.push_back({units, size, {stage}});
  return units;
}

void UnitTracker::normalise(Units units, int stage) {
  if (root(units) != kFixed) node(root(units)).stages.back() = stage;
}

void UnitTracker::merge(Units a, Units b) {
  a = root(a);
  b = root(b);
  if (a == b) return;
  if (a > b) std::swap(a, b);
  require(a == kFixed || node(a).size == node(b).size, std::to_string(node(a).size) +
                                                           " units cannot be the same as " +
                                                           std::to_string(node(b).size));
  node(b).parent = a;
  node(a).stages.insert(node(a).stages.end(), node(b).stages.begin(), node(b).stages.end());
}

void UnitTracker::parameter(Units outputs, Units inputs, std::int64_t block) {
  parameters_.push_back({outputs, inputs, block});
}

void UnitTracker::buffer(Units outputs) { buffers_.push_back({outputs, kFixed, 1}); }

UnitTracker::Units UnitTracker::root(Units units) const {
  while (node(units).parent != units) units = node(units).parent;
  return units;
}

UnitStructure UnitTracker::structure() const {
  if (!obstacle_.empty()) return {obstacle_, {}, {}, {}};
  UnitStructure result{obstacle_, {}, parameters_, buffers_};
  std::vector<int> group_of(nodes_.size(), -1);
  for (Units units = 1; units < static_cast<Units>(nodes_.size()); ++units) {
    if (root(units) != units) continue;
    group_of[static_cast<std::size_t>(units)] = static_cast<int>(result.groups.size());
    result.groups.push_back({node(units).size, node(units).stages});
  }
  auto const group = [&](Units units) { return group_of[static_cast<std::size_t>(root(units))]; };
  for (auto* tensors : {&result.parameters, &result.buffers}) {
    for (auto& tensor : *tensors) {
      tensor = {group(tensor.outputs), group(tensor.inputs), tensor.block};
      if (tensor.outputs >= 0 && tensor.outputs == tensor.inputs) {
        result.obstacle =
            "has a layer from units to units of the same order, so it has no known structure of "
            "its units";
      }
    }
  }
  return result;
}

}  // namespace fedstrata
