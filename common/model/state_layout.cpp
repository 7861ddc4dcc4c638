#include "common/model/state_layout.hpp"

#include <algorithm>

#include "common/base/error.hpp"

namespace fedstrata {

StateLayout::StateLayout(LayerTable const& table, std::vector<StateField> fields)
    : table_(&table), fields_(std::move(fields)), size_(model_size()) {
  for (auto const& field : fields_) {
    bool const per_layer = field.one_per == StateField::OnePer::layer;
    slices_.push_back({size_, per_layer ? std::ssize(table.layers) : table.parameter_count});
    size_ += slices_.back().size;
  }
}

Slice StateLayout::field(std::string const& name) const {
  auto const found = std::ranges::find(fields_, name, &StateField::name);
  require(found != fields_.end(), "a client's state has no field " + name);
  return slices_[static_cast<std::size_t>(found - fields_.begin())];
}

std::vector<StatePart> StateLayout::model_parts(std::vector<int> const& layers) const {
  std::vector<StatePart> result;
  for (int const index : layers) {
    result.push_back(
        {.layer = index, .slice = table_->layers[static_cast<std::size_t>(index)].parameters});
    for (auto const& buffer :
         std::ranges::equal_range(table_->buffers, index, {}, &NamedTensor::layer)) {
      result.push_back(
          {.layer = index, .slice = {buffers().offset + buffer.slice.offset, buffer.slice.size}});
    }
  }
  return result;
}

std::vector<StatePart> StateLayout::field_parts(std::vector<int> const& layers,
                                                std::optional<AtAveraging> only) const {
  std::vector<StatePart> result;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    auto const& field = fields_[i];
    if (only && field.at_averaging != *only) continue;
    for (int const index : layers) {
      auto const share = field.one_per == StateField::OnePer::layer
                             ? Slice{index, 1}
                             : table_->layers[static_cast<std::size_t>(index)].parameters;
      result.push_back({.layer = index,
                        .slice = {slices_[i].offset + share.offset, share.size},
                        .field = static_cast<int>(i),
                        .least_magnitude = field.least_magnitude,
                        .weighting = field.uniform ? kUniformWeighting : kModelWeighting});
    }
  }
  return result;
}

}  // namespace fedstrata
