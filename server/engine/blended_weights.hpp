#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "common/model/model.hpp"
#include "server/engine/evaluation_tree.hpp"

namespace fedstrata {

/// The tensors of layers at blends of some models, made when asked for and kept as far as memory
/// allows.
class BlendedWeights {
 public:
  /// `models`: those that the blends name; places that no blend names may be empty. `memory`: bytes
  /// for blended tensors that are kept.
  BlendedWeights(LayerTable const& table, std::vector<Weights> models, std::vector<Blend> blends,
                 std::int64_t memory);

  /// Weights whose tensors of `layers` are those of `product` (one entry for each layer: an index
  /// of a blend, or ~model for a model's own); other layers' are unspecified. Valid until the next
  /// call.
  Weights const& get(std::span<int const> layers, std::span<int const> product);

 private:
  using Tensors = std::vector<at::Tensor>;
  void put(int layer, int version);
  Tensors make(int layer, Blend const& blend) const;

  LayerTable const* table_;
  std::vector<Weights> models_;
  std::vector<Blend> blends_;
  std::int64_t memory_;
  std::map<std::pair<int, int>, Tensors> kept_;  ///< by layer and blend
  Weights scratch_;
};

/// What tells a model's layers from those of others: a checksum for each, of rows in host memory.
using LayerSums = std::vector<std::uint64_t>;
LayerSums layer_sums(LayerTable const& table, std::span<float const> row,
                     std::span<float const> buffer_row);

/// For each layer, the lowest of the models whose tensors of the layer are equal: [layers][models].
/// A model of which nothing is given (no sums) stands for itself.
std::vector<std::vector<int>> equal_layers(LayerTable const& table,
                                           std::span<LayerSums const> models);

}  // namespace fedstrata
