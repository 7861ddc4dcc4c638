#include "server/plan/targets.hpp"

#include <numeric>

namespace fedstrata {

std::string const& name_of(LayerTable const& table, int layer) {
  return table.layers[static_cast<std::size_t>(layer)].name;
}

std::vector<int> all_layers(LayerTable const& table) {
  std::vector<int> layers(table.layers.size());
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

Target whole(LayerTable const& table) { return {"all", all_layers(table)}; }

std::vector<Target> each_layer(LayerTable const& table) {
  std::vector<Target> result;
  for (int const layer : all_layers(table)) result.push_back({name_of(table, layer), {layer}});
  return result;
}

std::vector<Target> each_layer_and_whole(LayerTable const& table) {
  auto result = each_layer(table);
  result.push_back(whole(table));
  return result;
}

std::int64_t elements(LayerTable const& table, std::vector<int> const& layers) {
  std::int64_t sum = 0;
  for (int const l : layers) sum += table.layers[static_cast<std::size_t>(l)].parameters.size;
  return sum;
}

}  // namespace fedstrata
