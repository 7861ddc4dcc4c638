#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/model/layer_table.hpp"

namespace fedstrata {

/// Layers that are compared together, and the name of the set in column `target`.
struct Target {
  std::string name;
  std::vector<int> layers;  ///< indices, ascending
};

std::string const& name_of(LayerTable const& table, int layer);

/// Indices of all layers, ascending.
std::vector<int> all_layers(LayerTable const& table);

/// The whole model: `all`.
Target whole(LayerTable const& table);

/// Each layer alone.
std::vector<Target> each_layer(LayerTable const& table);

/// Each layer alone, then the whole model.
std::vector<Target> each_layer_and_whole(LayerTable const& table);

/// Parameters in these layers.
std::int64_t elements(LayerTable const& table, std::vector<int> const& layers);

}  // namespace fedstrata
