#include "server/averaging/layer_updates.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/config/presets.hpp"
#include "common/device/kernels.hpp"

namespace fedstrata {
namespace {

/// A group whose update is more than the mean, and its layers.
struct UpdatedGroup {
  AverageGroup settings;
  Update update;
  std::vector<int> layers;
  std::int64_t size = 0;  ///< parameters of all layers
};

/// A correction may have a part of its own that the coordinator does.
Update update_of(AverageGroup const& group, TrainConfig const& train) {
  auto update = make_update(group);
  bool const by_correction = train.correction == "feddyn" && train.dyn_alpha > 0.0;
  return by_correction && group.every > 0 ? make_feddyn_update(train.dyn_alpha) : update;
}

std::vector<UpdatedGroup> updated_groups(Experiment const& experiment) {
  auto const& layers = experiment.model.table().layers;
  std::vector<UpdatedGroup> groups;
  for (auto const& settings : averaging_groups(experiment.config)) {
    UpdatedGroup group{
        .settings = settings, .update = update_of(settings, experiment.config.train), .layers = {}};
    if (group.update.is_mean()) continue;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (experiment.schedule.group_of(static_cast<int>(i)) != settings.name) continue;
      group.layers.push_back(static_cast<int>(i));
      group.size += layers[i].parameters.size;
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace

void check_updates(Config const& config) {
  for (auto const& group : averaging_groups(config)) make_update(group);
}

std::vector<RowField> update_fields(Experiment const& experiment) {
  std::vector<RowField> fields;
  for (auto const& group : updated_groups(experiment)) {
    for (auto const& field : group.update.fields) {
      fields.push_back({.name = "average." + group.settings.name + "." + field.name,
                        .width = group.size,
                        .of_clients = false});
    }
  }
  return fields;
}

LayerUpdates::LayerUpdates(Experiment const& experiment)
    : experiment_(&experiment),
      table_(&experiment.model.table()),
      fields_(update_fields(experiment)),
      places_(table_->layers.size()) {
  for (auto& group : updated_groups(experiment)) {
    std::int64_t offset = 0;
    for (int const layer : group.layers) {
      places_[static_cast<std::size_t>(layer)] = {static_cast<int>(groups_.size()), offset};
      offset += parameters(layer).size;
    }
    std::vector<std::vector<float>> rows;
    for (auto const& field : group.update.fields) {
      rows.emplace_back(static_cast<std::size_t>(group.size), field.initial);
    }
    groups_.push_back({std::move(group.update), std::move(rows)});
  }
}

Slice LayerUpdates::parameters(int layer) const {
  return table_->layers[static_cast<std::size_t>(layer)].parameters;
}

void LayerUpdates::begin(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  rounds_.clear();
  counted_.clear();
  if (groups_.empty()) return;
  auto const ids = experiment_->participants(round);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!std::ranges::binary_search(excluded, ids[i])) counted_.push_back(i);
  }
  auto const all = experiment_->weights(ids);
  double sum = 0.0;
  for (auto const i : counted_) sum += all[i];
  for (auto const& [of, since] : experiment_->weightings(round)) {
    UpdateRound seen{.clients = experiment_->clients()};
    auto const steps = of == MeanWeights::Of::steps ? experiment_->steps_sums(round, since)
                                                    : std::vector<double>(ids.size(), 1.0);
    for (auto const i : counted_) {
      seen.weights.push_back(excluded.empty() ? all[i] : all[i] / sum);
      seen.steps.push_back(steps[i]);
    }
    rounds_.push_back(std::move(seen));
  }
}

std::vector<double> LayerUpdates::factors(RoundParts const& parts, std::span<float const> mean,
                                          std::span<double const> distances,
                                          std::span<float const> before) const {
  std::vector<double> result;
  auto const count = parts.distant_layers.size();
  for (auto const& part : parts.averaged()) {
    bool const asks = result.size() < count && parts.distant_layers[result.size()] == part.layer;
    if (!asks || part.slice.offset != parameters(part.layer).offset) continue;
    auto const sums = kernels::pair_sums(elements(before, part.slice), elements(mean, part.packed));
    LayerNorms norms{.before = std::sqrt(sums.aa), .change = std::sqrt(sums.distance2)};
    for (auto const i : counted_) norms.distance += distances[i * count + result.size()];
    norms.distance /= static_cast<double>(counted_.size());
    auto const& place = places_[static_cast<std::size_t>(part.layer)];
    result.push_back(groups_[static_cast<std::size_t>(place.group)].update.factor(norms));
  }
  return result;
}

void LayerUpdates::apply(RoundParts const& parts, std::int64_t first, std::span<float> packed,
                         std::span<float const> before) {
  if (groups_.empty()) return;
  auto const last = first + std::ssize(packed);
  for (std::size_t i = 0; i < parts.due; ++i) {
    auto const& part = parts.parts[i];
    auto const& place = places_[static_cast<std::size_t>(part.layer)];
    bool const is_parameters = part.slice.offset == parameters(part.layer).offset;
    auto const from = std::max(part.packed.offset, first);
    auto const to = std::min(part.packed.offset + part.packed.size, last);
    if (place.group < 0 || !is_parameters || from >= to) continue;
    auto& group = groups_[static_cast<std::size_t>(place.group)];
    if (!group.update.apply) continue;
    auto const inside = from - part.packed.offset;  // of the layer
    UpdateBlock block{.before = elements(before, {part.slice.offset + inside, to - from}),
                      .values = elements(packed, {from - first, to - from})};
    auto const weighting = static_cast<std::size_t>(part.weighting);
    if (weighting < rounds_.size()) block.round = &rounds_[weighting];
    for (auto& row : group.rows) {
      block.state.push_back(elements(std::span(row), {place.offset + inside, to - from}));
    }
    group.update.apply(block);
  }
}

std::int64_t LayerUpdates::size() const {
  std::int64_t size = 0;
  for (auto const& field : fields_) size += field.width;
  return size;
}

std::vector<float> LayerUpdates::state() const {
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(size()));
  for (auto const& group : groups_) {
    for (auto const& row : group.rows) all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

void LayerUpdates::restore(ResumeState const& state) {
  auto field = fields_.begin();
  for (auto& group : groups_) {
    for (auto& row : group.rows) state.read((field++)->name, row);
  }
}

}  // namespace fedstrata
