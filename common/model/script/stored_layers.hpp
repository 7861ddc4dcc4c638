#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "common/model/layer_table.hpp"
#include "common/model/model.hpp"

namespace fedstrata {

/// A layer table made of tensors that exist: what they hold is the initialisation. Layers all
/// belong to stage 0. The functions throw InputError for tensors that are not float32.
class StoredLayers {
 public:
  /// `source` names where the tensors come from, in messages.
  explicit StoredLayers(std::string source) : source_(std::move(source)) {}

  /// Begins a layer; what is added next belongs to it.
  void begin(std::string const& layer, LayerType type);
  void add_parameter(std::string const& name, at::Tensor const& tensor);
  void add_buffer(std::string const& name, at::Tensor const& tensor);

  LayerTable table;
  std::vector<Initializer> parameter_initializers, buffer_initializers;

 private:
  Initializer stored(std::string const& name, at::Tensor const& tensor) const;

  std::string source_;
};

}  // namespace fedstrata
