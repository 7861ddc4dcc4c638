// A wave is a set of points that are evaluated together. All points of a group would share most
// work, but their models have to be in memory at once: so the points are cut into waves, in their
// order, each with no more models than the memory holds. A wave's tree and weights are made once
// and serve all units of the group, which come one after the other.
#include "server/analysis/group_evaluator.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace fedstrata {
namespace {

// Shares of analysis.memory.
std::int64_t activation_memory(AnalysisConfig const& config) { return config.memory / 4; }
std::int64_t blend_memory(AnalysisConfig const& config) { return config.memory / 8; }

std::set<int> models_of(PointSet const& points, int point) {
  std::set<int> models;
  for (int const index : points.point(point)) {
    auto const& blend = points.blends()[static_cast<std::size_t>(index)];
    models.insert({blend.from, blend.to});
    if (blend.statistics >= 0) models.insert(blend.statistics);
  }
  return models;
}

/// Cuts the wanted points where their models would no longer fit into memory at once.
void cut(PhaseGroup& group, std::size_t capacity) {
  std::set<int> held;
  for (int const point : group.wanted) {
    auto const needed = models_of(group.points, point);
    auto together = held;
    together.insert(needed.begin(), needed.end());
    if (group.waves.empty() || together.size() > capacity) {
      group.waves.emplace_back();
      together = needed;
    }
    held = std::move(together);
    group.waves.back().push_back(point);
  }
}

}  // namespace

struct GroupEvaluator::Wave {
  std::vector<int> evaluated;  ///< for each of the wave's points, the point of the tree
  std::size_t distinct = 0;
  EvaluationTree tree;
  double cost = 0.0;  ///< multiply-adds of a sample
  BlendedWeights weights;
};

GroupEvaluator::GroupEvaluator(Model const& model, Task const& task, InputShape const& shape,
                               AnalysisConfig const& config, at::Tensor calibration)
    : model_(model),
      config_(config),
      engine_(model, task, shape,
              {config.batch_size, activation_memory(config), std::move(calibration)}) {
  for (auto const& stage : engine_.stages()) forward_cost_ += stage.cost + stage.tail_cost;
}

GroupEvaluator::~GroupEvaluator() = default;

void GroupEvaluator::forget() {
  current_.reset();
  current_points_ = nullptr;
}

std::size_t GroupEvaluator::largest_stack() const {
  std::size_t stack = 1;
  for (auto const& stage : engine_.stages()) stack = std::max(stack, stage.stack);
  return stack;
}

std::unique_ptr<GroupEvaluator::Wave> GroupEvaluator::make_wave(PhaseGroup const& group,
                                                                std::vector<int> const& points,
                                                                AnalysisModels& models) const {
  std::vector<Weights> loaded(models.size());
  std::vector<LayerSums> layers(models.size());
  for (int const point : points) {
    for (int const model : models_of(group.points, point)) {
      auto const m = static_cast<std::size_t>(model);
      if (!loaded[m].parameters.empty()) continue;
      loaded[m] = models.get(model);
      layers[m] = models.layers(model);
    }
  }
  // Layers that are equal in two models are evaluated as one.
  auto const equal = equal_layers(model_.table(), layers);
  PointSet distinct;
  std::vector<int> evaluated;
  for (int const point : points) {
    std::vector<int> blends;
    for (std::size_t l = 0; l < equal.size(); ++l) {
      auto const& one =
          group.points.blends()[static_cast<std::size_t>(group.points.point(point)[l])];
      auto const first = [&](int model) { return equal[l][static_cast<std::size_t>(model)]; };
      blends.push_back(distinct.add(blend(first(one.from), first(one.to), one.step,
                                          one.statistics < 0 ? -1 : first(one.statistics))));
    }
    evaluated.push_back(distinct.add(blends));
  }
  std::vector<int> all(distinct.size());
  std::iota(all.begin(), all.end(), 0);
  auto tree = build_tree(distinct, all, engine_.stages());
  auto const cost = tree.multiply_adds(engine_.stages());
  return std::make_unique<Wave>(Wave{
      std::move(evaluated), distinct.size(), std::move(tree), cost,
      BlendedWeights(model_.table(), std::move(loaded), distinct.blends(), blend_memory(config_))});
}

double GroupEvaluator::expected_cost(PhaseGroup group, std::size_t capacity) const {
  cut(group, capacity);
  double cost = 0.0;
  for (auto const& points : group.waves) {
    cost += build_tree(group.points, points, engine_.stages()).multiply_adds(engine_.stages());
  }
  return cost;
}

GroupEvaluator::Evaluated GroupEvaluator::evaluate(PhaseGroup& group, AnalysisModels& models,
                                                   std::int64_t first, std::int64_t count,
                                                   BatchLoader const& load,
                                                   Interlude const& interlude) {
  if (group.waves.empty()) cut(group, models.capacity());
  Evaluated result{SampleLosses(group.points.size(), count), 0.0};
  for (auto const& points : group.waves) {
    if (current_points_ != &points || !current_) {
      current_.reset();
      current_ = make_wave(group, points, models);
      current_points_ = &points;
    }
    auto& wave = *current_;
    SampleLosses found(wave.distinct, count);
    engine_.evaluate(wave.tree, wave.weights, first, count, load, found, interlude);
    for (std::size_t i = 0; i < points.size(); ++i) {
      std::ranges::copy(found.loss(wave.evaluated[i]), result.losses.loss(points[i]).begin());
      std::ranges::copy(found.error(wave.evaluated[i]), result.losses.error(points[i]).begin());
    }
    result.multiply_adds += wave.cost * static_cast<double>(count);
  }
  return result;
}

}  // namespace fedstrata
