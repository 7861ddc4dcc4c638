#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/layer_table.hpp"
#include "common/model/packed_parts.hpp"

namespace fedstrata {

/// What a local optimizer or a correction keeps of a client beside its model. Starts as zeros.
struct StateField {
  enum class OnePer { parameter, layer };

  std::string name;
  OnePer one_per = OnePer::parameter;  ///< one number for each parameter, or for each layer
  AtAveraging at_averaging = AtAveraging::keep;  ///< what becomes of a layer's share of it then
  float least_magnitude = kLeastMagnitude;       ///< StatePart::least_magnitude of its parts
  bool uniform = false;  ///< averaged: do all participants weigh the same, whatever the model's do?
};

/// StatePart::weighting of what is averaged like the model, and of what all participants weigh the
/// same in.
inline constexpr int kModelWeighting = 0, kUniformWeighting = 1;

/// A client's whole state as one row: parameters [P], buffers [Q], then the fields, one after
/// another: [P] or, with a number for each layer, [L].
class StateLayout {
 public:
  /// `table` must outlive this.
  StateLayout(LayerTable const& table, std::vector<StateField> fields);

  Slice parameters() const { return {0, table_->parameter_count}; }
  Slice buffers() const { return {table_->parameter_count, table_->buffer_count}; }
  std::vector<StateField> const& fields() const { return fields_; }
  /// Where a field lies. Throws Error where there is none of that name.
  Slice field(std::string const& name) const;
  /// P + Q: what a checkpoint holds.
  std::int64_t model_size() const { return table_->parameter_count + table_->buffer_count; }
  std::int64_t size() const { return size_; }

  /// Parameters and each buffer tensor of the layers, in their order.
  std::vector<StatePart> model_parts(std::vector<int> const& layers) const;
  /// The layers' shares of each field, field by field; only of those treated as `only` at
  /// averaging.
  std::vector<StatePart> field_parts(std::vector<int> const& layers,
                                     std::optional<AtAveraging> only = {}) const;

 private:
  LayerTable const* table_;
  std::vector<StateField> fields_;
  std::vector<Slice> slices_;  ///< of the fields
  std::int64_t size_ = 0;
};

}  // namespace fedstrata
