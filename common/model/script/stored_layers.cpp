#include "common/model/script/stored_layers.hpp"

#include <torch/types.h>

#include "common/base/error.hpp"

namespace fedstrata {

void StoredLayers::begin(std::string const& layer, LayerType type) {
  table.layers.push_back({layer, type, {table.parameter_count, 0}, {table.buffer_count, 0}, 0});
}

void StoredLayers::add_parameter(std::string const& name, at::Tensor const& tensor) {
  parameter_initializers.push_back(stored(name, tensor));
  append_parameter(table, name, tensor.sizes().vec());
}

void StoredLayers::add_buffer(std::string const& name, at::Tensor const& tensor) {
  buffer_initializers.push_back(stored(name, tensor));
  append_buffer(table, name, tensor.sizes().vec());
}

Initializer StoredLayers::stored(std::string const& name, at::Tensor const& tensor) const {
  require_input(tensor.scalar_type() == at::kFloat,
                source_ + ": " + name + " is not float32; convert the module with net.float()");
  auto const contiguous = tensor.detach().contiguous();
  auto const* const values = contiguous.data_ptr<float>();
  return {Initializer::Kind::stored, 0.0, {values, values + contiguous.numel()}};
}

}  // namespace fedstrata
