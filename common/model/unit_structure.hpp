#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fedstrata {

/// Hidden units (neurons, channels) that share a permutation: reordering all axes along which they
/// lie leaves the function unchanged.
struct UnitGroup {
  std::int64_t size = 0;
  /// Stages whose head computes activations of these units, after normalisation where they have
  /// one: [B, size], [B, tokens, size] or
  /// [B, size, H, W].
  std::vector<int> stages;
};

/// Which units lie along the axes of a tensor, taken as [outputs, inputs, block]: a convolution's
/// block is its kernel, that of a linear layer on an image are the pixels of a channel.
struct TensorUnits {
  int outputs = -1;        ///< group of axis 0; -1 = units that keep their places
  int inputs = -1;         ///< group of axis 1; -1 = units that keep their places, or no such axis
  std::int64_t block = 1;  ///< adjacent elements that one input unit has in a row of axis 0
};

/// Which permutations of a model's units leave its function unchanged. Pure data. The inputs and
/// the class outputs are in no group. Without an obstacle no tensor has one group on both axes.
struct UnitStructure {
  /// Why the units may not be reordered, continuing "model NAME "; empty = they may.
  std::string obstacle = "has no known structure of its units";
  std::vector<UnitGroup> groups;
  std::vector<TensorUnits> parameters;  ///< of LayerTable::parameters
  std::vector<TensorUnits> buffers;     ///< of LayerTable::buffers
};

}  // namespace fedstrata
