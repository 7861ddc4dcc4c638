#include "server/engine/blended_weights.hpp"

#include <torch/types.h>

#include <algorithm>

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

std::vector<std::vector<int>> equal_layers(LayerTable const& table,
                                           std::span<Weights const> models) {
  std::vector<std::vector<int>> result(table.layers.size(), std::vector<int>(models.size()));
  for (std::size_t l = 0; l < table.layers.size(); ++l) {
    auto const parameters = tensors_of(table.parameters, static_cast<int>(l));
    auto const buffers = tensors_of(table.buffers, static_cast<int>(l));
    auto const equal = [&](Weights const& a, Weights const& b) {
      auto const same = [](auto const& x, auto const& y) {
        return [&](std::size_t i) { return at::equal(x[i], y[i]); };
      };
      return std::ranges::all_of(parameters, same(a.parameters, b.parameters)) &&
             std::ranges::all_of(buffers, same(a.buffers, b.buffers));
    };
    for (std::size_t m = 0; m < models.size(); ++m) {
      result[l][m] = static_cast<int>(m);
      for (std::size_t other = 0; other < m && !models[m].parameters.empty(); ++other) {
        bool const first = result[l][other] == static_cast<int>(other);
        if (!first || models[other].parameters.empty()) continue;
        if (!equal(models[other], models[m])) continue;
        result[l][m] = static_cast<int>(other);
        break;
      }
    }
  }
  return result;
}

}  // namespace fedstrata
