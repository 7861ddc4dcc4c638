#include "common/model/state_layout.hpp"

namespace fedstrata {

std::vector<StatePart> StateLayout::parts(std::vector<int> const& layers,
                                          bool with_momentum) const {
  std::vector<StatePart> result;
  for (int const index : layers) {
    result.push_back({index, table_->layers[static_cast<std::size_t>(index)].parameters});
    for (auto const& buffer : table_->buffers) {
      if (buffer.layer != index) continue;
      result.push_back({index, {buffers().offset + buffer.slice.offset, buffer.slice.size}});
    }
  }
  if (with_momentum) {
    for (auto const& part : momentum_parts(layers)) result.push_back(part);
  }
  return result;
}

std::vector<StatePart> StateLayout::momentum_parts(std::vector<int> const& layers) const {
  std::vector<StatePart> result;
  if (momentum_ == 0) return result;
  for (int const index : layers) {
    auto const& slice = table_->layers[static_cast<std::size_t>(index)].parameters;
    result.push_back({index, {momentum().offset + slice.offset, slice.size}});
  }
  return result;
}

}  // namespace fedstrata
