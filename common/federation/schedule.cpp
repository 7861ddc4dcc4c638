#include "common/federation/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/base/text.hpp"
#include "common/config/presets.hpp"

namespace fedstrata {
namespace {

/// A group's selectors without `rotate`.
struct Selectors {
  std::string text;
  bool rotate = false;
  bool rest = false;
};

Selectors read_selectors(std::string const& layers) {
  Selectors result;
  std::vector<std::string> kept;
  for (auto const& part : split(layers, ',')) {
    if (part == "rotate") {
      result.rotate = true;
    } else {
      kept.push_back(part);
      result.rest = result.rest || part == "rest";
    }
  }
  if (result.rotate && kept.empty()) kept = {"all"};
  result.text = join(kept, ",");
  return result;
}

/// How many times `part` fits into `whole`. Both are decimal fractions as doubles hold them, where
/// 0.3 / 0.1 is a little less than 3.
double whole_times(double part, double whole) {
  double const quotient = whole / part, nearest = std::round(quotient);
  return std::abs(quotient - nearest) < 1e-12 * nearest ? nearest : std::floor(quotient);
}

std::string where(AverageGroup const& group) { return "average." + group.name + ".layers"; }

}  // namespace

std::vector<int> AveragingSchedule::Group::due(std::int64_t round) const {
  if (!fedstrata::due(settings, round)) return {};
  if (!rotate) return layers;
  auto const turn = (round - first_due(settings)) / settings.every;
  return {layers[static_cast<std::size_t>(turn) % layers.size()]};
}

AveragingSchedule::AveragingSchedule(Config const& config, LayerTable const& table)
    : table_(table), rounds_(config.federation.rounds) {
  for (auto const& settings : averaging_groups(config)) groups_.push_back({settings, {}, false});
  std::vector<std::string> owner(table.layers.size());
  std::vector<bool> taken(table.layers.size());
  for (bool const rest : {false, true}) {  // `rest` is what the other groups leave
    for (auto& group : groups_) {
      auto const selectors = read_selectors(group.settings.layers);
      if (selectors.rest != rest) continue;
      group.rotate = selectors.rotate;
      group.layers = select_layers(selectors.text, table, taken, where(group.settings));
      for (auto const layer : group.layers) {
        auto const index = static_cast<std::size_t>(layer);
        require_input(!taken[index], where(group.settings) + ": layer " + table.layers[index].name +
                                         " is also in group " + owner[index] +
                                         "; a layer belongs to one group at most");
        taken[index] = true;
        owner[index] = group.settings.name;
      }
    }
  }
}

std::vector<int> AveragingSchedule::due_layers(std::int64_t round) const {
  std::vector<int> layers;
  for (auto const& group : groups_) {
    auto const due = group.due(round);
    layers.insert(layers.end(), due.begin(), due.end());
  }
  std::sort(layers.begin(), layers.end());
  return layers;
}

std::string AveragingSchedule::group_of(int layer) const {
  auto const* settings = settings_of(layer);
  return settings != nullptr ? settings->name : "";
}

AverageGroup const* AveragingSchedule::settings_of(int layer) const {
  auto const found = std::ranges::find_if(
      groups_, [&](Group const& group) { return std::ranges::binary_search(group.layers, layer); });
  return found != groups_.end() ? &found->settings : nullptr;
}

std::vector<int> AveragingSchedule::averaged_layers() const {
  std::vector<int> layers;
  for (auto const& group : groups_) {
    if (group.settings.every == 0) continue;
    layers.insert(layers.end(), group.layers.begin(), group.layers.end());
  }
  return layers;
}

std::int64_t AveragingSchedule::last_average(int layer, std::int64_t round) const {
  while (--round > 0) {
    for (auto const& group : groups_) {
      if (std::ranges::binary_search(group.due(round), layer)) return round;
    }
  }
  return 0;
}

bool AveragingSchedule::always_averaged(int layer) const {
  return std::any_of(groups_.begin(), groups_.end(), [&](Group const& group) {
    if (!std::binary_search(group.layers.begin(), group.layers.end(), layer)) return false;
    if (group.rotate && group.layers.size() > 1) return false;
    return due(group.settings, 1) && due(group.settings, rounds_) &&
           (group.settings.every == 1 || rounds_ == 1);
  });
}

std::int64_t AveragingSchedule::due_elements(std::int64_t round) const {
  std::int64_t elements = 0;
  for (auto const index : due_layers(round)) {
    auto const& layer = table_.layers[static_cast<std::size_t>(index)];
    elements += layer.parameters.size + layer.buffers.size;
  }
  return elements;
}

double learning_rate(TrainConfig const& train, std::int64_t rounds, std::int64_t round,
                     std::int64_t step, std::int64_t steps, std::int64_t steps_before) {
  double const horizon = train.horizon > 0 ? train.horizon : static_cast<double>(rounds);
  double const share = steps > 0 ? static_cast<double>(step) / static_cast<double>(steps) : 0.0;
  double const done = std::min(static_cast<double>(round - 1) + share, horizon);
  double lr = train.lr;
  if (train.schedule == ScheduleKind::cosine && horizon > 0) {
    lr *= 0.5 * (1.0 + std::cos(std::numbers::pi * done / horizon));
  } else if (train.schedule == ScheduleKind::step) {
    lr *= std::pow(train.step_factor, whole_times(train.step_every, done));
  }
  if (train.warmup > 0) {
    auto const steps_done = static_cast<double>(steps_before + step + 1);
    lr *= std::min(1.0, steps_done / static_cast<double>(train.warmup));
  }
  return lr;
}

std::vector<std::int64_t> participants(FederationConfig const& federation, std::int64_t clients,
                                       std::uint64_t seed, std::int64_t round) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(clients));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  std::int64_t const wanted = std::llround(federation.participation * static_cast<double>(clients));
  auto const count = static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 1, clients));
  if (count == ids.size()) return ids;
  Random random(seed, Purpose::participation, 0, static_cast<std::uint64_t>(round));
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(ids[i], ids[i + random.below(ids.size() - i)]);
  }
  ids.resize(count);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace fedstrata
