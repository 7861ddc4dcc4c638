#include "common/model/layer_table.hpp"

#include <algorithm>

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

}  // namespace

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
