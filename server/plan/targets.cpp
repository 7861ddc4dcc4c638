#include "server/plan/targets.hpp"

#include <algorithm>
#include <numeric>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/federation/schedule.hpp"

namespace fedstrata {
namespace {

constexpr std::ptrdiff_t kMinimalEnds =
    5;  // layers at either end that cumulative-minimal begins with

std::vector<int> all_layers(LayerTable const& table) {
  std::vector<int> layers(table.layers.size());
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

std::string const& name_of(LayerTable const& table, int layer) {
  return table.layers[static_cast<std::size_t>(layer)].name;
}

std::vector<int> order_of(Kind::Order order, LayerTable const& table, std::uint64_t seed) {
  auto layers = all_layers(table);
  switch (order) {
    case Kind::Order::shallow:
      break;
    case Kind::Order::deep:
      std::ranges::reverse(layers);
      break;
    case Kind::Order::random: {
      std::vector<std::int64_t> shuffled(layers.begin(), layers.end());
      Random(seed, Purpose::layer_order).shuffle(shuffled);
      std::ranges::transform(shuffled, layers.begin(), [](auto l) { return static_cast<int>(l); });
      break;
    }
    case Kind::Order::minimal: {
      auto const ends = std::min(kMinimalEnds, std::ssize(layers) / 2);
      std::rotate(layers.begin() + ends, layers.end() - ends, layers.end());
      break;
    }
  }
  return layers;
}

std::vector<Target> cumulative(std::vector<int> const& order, LayerTable const& table) {
  std::vector<Target> result;
  std::vector<int> layers;
  for (int const layer : order) {
    layers.insert(std::ranges::upper_bound(layers, layer), layer);
    result.push_back({name_of(table, layer), layers});
  }
  return result;
}

std::vector<Target> windows(std::int64_t width, LayerTable const& table) {
  auto const layers = static_cast<std::int64_t>(table.layers.size());
  require_input(width <= layers, "analysis.kinds: window:" + std::to_string(width) +
                                     " is wider than the model, which has " +
                                     std::to_string(layers) + " layers");
  std::vector<Target> result;
  for (std::int64_t first = 0; first + width <= layers; ++first) {
    Target target;
    for (auto l = first; l < first + width; ++l) target.layers.push_back(static_cast<int>(l));
    target.name =
        name_of(table, target.layers.front()) + ".." + name_of(table, target.layers.back());
    result.push_back(std::move(target));
  }
  return result;
}

std::vector<Target> complements(LayerTable const& table) {
  std::vector<Target> result;
  if (table.layers.size() < 2) return result;
  for (int const left_out : all_layers(table)) {
    Target target{name_of(table, left_out), all_layers(table)};
    std::erase(target.layers, left_out);
    result.push_back(std::move(target));
  }
  return result;
}

std::vector<Target> two_layers(LayerTable const& table) {
  std::vector<Target> result;
  for (int const j : all_layers(table)) {
    for (int i = 0; i < j; ++i) {
      result.push_back({name_of(table, i) + "+" + name_of(table, j), {i, j}});
    }
  }
  return result;
}

}  // namespace

std::vector<Target> targets(Kind const& kind, LayerTable const& table, std::uint64_t seed) {
  Target const all{"all", all_layers(table)};
  std::vector<Target> each;
  for (int const layer : all.layers) each.push_back({name_of(table, layer), {layer}});
  switch (kind.family) {
    case Kind::Family::full:
      return {all};
    case Kind::Family::layer:
    case Kind::Family::subset:
      return each;
    case Kind::Family::cumulative:
      return cumulative(order_of(kind.order, table, seed), table);
    case Kind::Family::window:
      return windows(kind.count, table);
    case Kind::Family::group:
      return {{kind.group,
               select_layers(kind.layers, table, {}, "analysis.kinds (group:" + kind.group + ")")}};
    case Kind::Family::complement:
      return complements(table);
    case Kind::Family::interaction:
      return two_layers(table);
    case Kind::Family::random:
    case Kind::Family::subspace:
      each.push_back(all);
      return each;
    case Kind::Family::plane:
      break;
  }
  if (kind.layers.empty()) return {all};
  return {{kind.layers, select_layers(kind.layers, table, {}, "analysis.kinds (plane)")}};
}

}  // namespace fedstrata
