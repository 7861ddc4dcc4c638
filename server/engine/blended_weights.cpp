#include "server/engine/blended_weights.hpp"

#include <torch/types.h>

#include <algorithm>

#include "common/base/checksum.hpp"
#include "common/model/packed_parts.hpp"

namespace fedstrata {
namespace {

/// The indices of a layer's tensors among all of a kind.
std::vector<std::size_t> tensors_of(std::vector<NamedTensor> const& tensors, int layer) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].layer == layer) result.push_back(i);
  }
  return result;
}

}  // namespace

BlendedWeights::BlendedWeights(LayerTable const& table, std::vector<Weights> models,
                               std::vector<Blend> blends, std::int64_t memory)
    : table_(&table), models_(std::move(models)), blends_(std::move(blends)), memory_(memory) {
  scratch_.parameters.resize(table.parameters.size());
  scratch_.buffers.resize(table.buffers.size());
}

Weights const& BlendedWeights::get(std::span<int const> layers, std::span<int const> product) {
  for (std::size_t i = 0; i < layers.size(); ++i) put(layers[i], product[i]);
  return scratch_;
}

void BlendedWeights::put(int layer, int version) {
  auto const blend =
      version < 0 ? Blend{~version, ~version} : blends_[static_cast<std::size_t>(version)];
  auto const fill = [&](Tensors const& tensors) {
    std::size_t next = 0;
    for (auto const i : tensors_of(table_->parameters, layer))
      scratch_.parameters[i] = tensors[next++];
    for (auto const i : tensors_of(table_->buffers, layer)) scratch_.buffers[i] = tensors[next++];
  };
  auto const kept = kept_.find({layer, version});
  if (kept != kept_.end()) return fill(kept->second);
  auto tensors = make(layer, blend);
  fill(tensors);
  if (blend.from == blend.to) return;  // made of references alone
  auto const& slices = table_->layers[static_cast<std::size_t>(layer)];
  auto const bytes = 4 * (slices.parameters.size + slices.buffers.size);
  if (bytes > memory_) return;
  memory_ -= bytes;
  kept_.emplace(std::pair{layer, version}, std::move(tensors));
}

BlendedWeights::Tensors BlendedWeights::make(int layer, Blend const& blend) const {
  auto const& from = models_[static_cast<std::size_t>(blend.from)];
  auto const& to = models_[static_cast<std::size_t>(blend.to)];
  bool const own = blend.from == blend.to;
  Tensors tensors;
  for (auto const i : tensors_of(table_->parameters, layer)) {
    tensors.push_back(own ? from.parameters[i]
                          : at::lerp(from.parameters[i], to.parameters[i], blend.step));
  }
  for (auto const i : tensors_of(table_->buffers, layer)) {
    if (blend.statistics >= 0)
      tensors.push_back(models_[static_cast<std::size_t>(blend.statistics)].buffers[i]);
    else
      tensors.push_back(own ? from.buffers[i]
                            : at::lerp(from.buffers[i], to.buffers[i], blend.step));
  }
  return tensors;
}

LayerSums layer_sums(LayerTable const& table, std::span<float const> row,
                     std::span<float const> buffer_row) {
  LayerSums sums;
  for (auto const& layer : table.layers) {
    Checksum sum;
    sum.add(std::as_bytes(elements(row, layer.parameters)));
    sum.add(std::as_bytes(elements(buffer_row, layer.buffers)));
    sums.push_back(sum.value());
  }
  return sums;
}

std::vector<std::vector<int>> equal_layers(LayerTable const& table,
                                           std::span<LayerSums const> models) {
  std::vector<std::vector<int>> result(table.layers.size(), std::vector<int>(models.size()));
  for (std::size_t l = 0; l < table.layers.size(); ++l) {
    std::map<std::uint64_t, int> first;
    for (std::size_t m = 0; m < models.size(); ++m) {
      auto const own = static_cast<int>(m);
      result[l][m] = models[m].empty() ? own : first.try_emplace(models[m][l], own).first->second;
    }
  }
  return result;
}

}  // namespace fedstrata
