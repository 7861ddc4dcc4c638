#include "common/model/layer_table.hpp"

#include <algorithm>
#include <utility>

#include "common/model/shape.hpp"

namespace fedstrata {
namespace {

struct Entry {
  LayerType type;
  char const* name;
};

/// All types; a new one is a line here.
constexpr Entry kTypes[] = {
    {LayerType::conv, "conv"},   {LayerType::linear, "linear"}, {LayerType::norm, "norm"},
    {LayerType::embed, "embed"}, {LayerType::other, "other"},
};

/// Appends a tensor of the newest layer, of whose slice it becomes the end.
int append(LayerTable const& table, std::vector<NamedTensor>& tensors, std::int64_t& count,
           Slice& slice, std::string const& name, Dimensions shape) {
  auto const size = element_count(shape);
  int const layer = static_cast<int>(table.layers.size()) - 1;
  tensors.push_back({name, layer, {count, size}, std::move(shape)});
  slice.size += size;
  count += size;
  return static_cast<int>(tensors.size()) - 1;
}

}  // namespace

int append_parameter(LayerTable& table, std::string const& name, std::vector<std::int64_t> shape) {
  return append(table, table.parameters, table.parameter_count, table.layers.back().parameters,
                name, std::move(shape));
}

int append_buffer(LayerTable& table, std::string const& name, std::vector<std::int64_t> shape) {
  return append(table, table.buffers, table.buffer_count, table.layers.back().buffers, name,
                std::move(shape));
}

std::string text(LayerType type) { return std::ranges::find(kTypes, type, &Entry::type)->name; }

std::optional<LayerType> layer_type(std::string_view name) {
  auto const* const found = std::ranges::find(kTypes, name, &Entry::name);
  if (found == std::end(kTypes)) return std::nullopt;
  return found->type;
}

std::vector<std::string> layer_type_names() {
  std::vector<std::string> names;
  for (auto const& entry : kTypes) names.emplace_back(entry.name);
  return names;
}

}  // namespace fedstrata
