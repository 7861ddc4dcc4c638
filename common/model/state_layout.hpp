#pragma once
#include <cstdint>
#include <vector>

#include "common/model/layer_table.hpp"
#include "common/model/packed_parts.hpp"

namespace fedstrata {

/// A client's whole state as one row: parameters [P], buffers [Q] and, if momentum is used, the
/// momentum [P] of the parameters, one after another.
class StateLayout {
 public:
  StateLayout(LayerTable const& table, bool momentum)
      : table_(&table), momentum_(momentum ? table.parameter_count : 0) {}

  Slice parameters() const { return {0, table_->parameter_count}; }
  Slice buffers() const { return {table_->parameter_count, table_->buffer_count}; }
  Slice momentum() const { return {model_size(), momentum_}; }
  /// P + Q: what a checkpoint holds.
  std::int64_t model_size() const { return table_->parameter_count + table_->buffer_count; }
  std::int64_t size() const { return model_size() + momentum_; }

  /// Parameters and each buffer tensor of the layers, in their order; their momentum if asked for.
  std::vector<StatePart> parts(std::vector<int> const& layers, bool with_momentum) const;
  /// The momentum slices of the layers.
  std::vector<StatePart> momentum_parts(std::vector<int> const& layers) const;

 private:
  LayerTable const* table_;
  std::int64_t momentum_;
};

}  // namespace fedstrata
