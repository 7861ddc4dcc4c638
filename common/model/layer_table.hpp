#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fedstrata {

enum class LayerType { conv, linear, norm, embed, other };

/// The name of a type in selectors (type:conv) and in the files of a run, where it may have eight
/// characters.
std::string text(LayerType type);
/// The type of that name, if there is one.
std::optional<LayerType> layer_type(std::string_view name);
/// The names of all types, in their order.
std::vector<std::string> layer_type_names();

/// A range of elements of a row.
struct Slice {
  std::int64_t offset = 0;
  std::int64_t size = 0;
  bool operator==(Slice const&) const = default;
};

/// A module that owns parameters directly ("conv1" = weight and bias): one slice of the parameter
/// row and, for normalisation layers with statistics, one slice of the buffer row.
struct Layer {
  std::string name;
  LayerType type = LayerType::other;
  Slice parameters;
  Slice buffers;
  int stage = 0;  ///< index of the step of the forward pass that uses it
};

/// One tensor of a row: a parameter or a float buffer, named as PyTorch names it.
struct NamedTensor {
  std::string name;
  int layer = 0;  ///< index into LayerTable::layers
  Slice slice;
  std::vector<std::int64_t> shape;
};

/// What the elements of a model's rows mean. Layers and tensors are in registration order, so a
/// layer's tensors are adjacent. Pure data: the same on every rank.
struct LayerTable {
  std::vector<Layer> layers;
  std::vector<NamedTensor> parameters;
  std::vector<NamedTensor> buffers;
  std::int64_t parameter_count = 0;  ///< P, elements of a parameter row
  std::int64_t buffer_count = 0;     ///< Q, elements of a buffer row
};

/// Appends a parameter of the newest layer; returns its index.
int append_parameter(LayerTable& table, std::string const& name, std::vector<std::int64_t> shape);
/// Appends a buffer of the newest layer; returns its index.
int append_buffer(LayerTable& table, std::string const& name, std::vector<std::int64_t> shape);

}  // namespace fedstrata
