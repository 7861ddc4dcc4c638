#include "server/analysis/round_analysis.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "server/results/round_tables.hpp"

// A round's analysis is a list of phases, each a list of units that any rank can compute from the
// plan alone; results are added up in the order of the units, not of their arrival. That makes the
// bits independent of the number of ranks, and lets an analysis go on from a journal of finished
// units.

namespace fedstrata {
namespace {

// Shares of analysis.memory.
std::int64_t activation_memory(AnalysisConfig const& config) { return config.memory / 4; }
std::int64_t blend_memory(AnalysisConfig const& config) { return config.memory / 8; }

std::span<float const> elements(at::Tensor const& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// The orders of all groups, one after the other.
std::vector<double> flattened(UnitPermutations const& permutations) {
  std::vector<double> values;
  for (auto const& order : permutations.groups)
    values.insert(values.end(), order.begin(), order.end());
  return values;
}

double forward_cost(BarrierEngine const& engine) {
  double sum = 0.0;
  for (auto const& stage : engine.stages()) sum += stage.cost + stage.tail_cost;
  return sum;
}

std::set<int> models_of(PointSet const& points, int point) {
  std::set<int> models;
  for (int const index : points.point(point)) {
    auto const& blend = points.blends()[static_cast<std::size_t>(index)];
    models.insert({blend.from, blend.to});
    if (blend.statistics >= 0) models.insert(blend.statistics);
  }
  return models;
}

}  // namespace

struct RoundAnalysis::Wave {
  std::vector<int> evaluated;  ///< for each of the wave's points, the point of the tree
  std::size_t distinct = 0;
  EvaluationTree tree;
  double cost = 0.0;  ///< multiply-adds of a sample
  BlendedWeights weights;
};

RoundAnalysis::RoundAnalysis(PlanInput const& input, Model const& model, Task const& task,
                             InputShape const& shape, at::Tensor calibration)
    : model_(model),
      config_(input.config),
      engine_(model, task, shape,
              {config_.batch_size, activation_memory(config_), std::move(calibration)}),
      plan_(plan_round(input)),
      forward_cost_(forward_cost(engine_)) {
  for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
    for (auto const set : plan_.groups[g].sets) {
      for (std::size_t c = 0; c < plan_.groups[g].curves.size(); ++c) sums_.curves[{g, set, c}];
    }
  }
  begin_phase();
}

RoundAnalysis::~RoundAnalysis() = default;

RoundAnalysis::PhaseGroup RoundAnalysis::whole_group(std::size_t group) const {
  PhaseGroup phase{plan_.groups[group].points, {}, {}, {}};
  std::set<int> wanted;
  for (std::size_t c = 0; c < plan_.groups[group].curves.size(); ++c) {
    phase.curves.push_back(c);
    for (int const point : plan_.groups[group].curves[c].used()) wanted.insert(point);
  }
  phase.wanted.assign(wanted.begin(), wanted.end());
  return phase;
}

void RoundAnalysis::add_units(std::size_t group, std::size_t set, std::int64_t first,
                              std::int64_t last) {
  for (; first < last; first += plan_.chunk) {
    units_.push_back({Unit::Work::points, group, set, first, std::min(plan_.chunk, last - first)});
  }
}

void RoundAnalysis::begin_phase() {
  units_.clear();
  groups_.clear();
  current_.reset();
  if (phase_ == 0) {
    for (std::size_t c = 0; c < plan_.comparisons.size(); ++c) {
      units_.push_back({Unit::Work::comparison, c, 0, 0, 0});
    }
    for (std::size_t a = 0; a < plan_.alignments.size(); ++a) {
      units_.push_back({Unit::Work::alignment, a, 0, 0, 0});
    }
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      auto const shared = std::make_shared<PhaseGroup>(whole_group(g));
      for (auto const set : plan_.groups[g].sets) {
        groups_[{g, set}] = shared;
        add_units(g, set, 0, block_end(0, plan_.sets[set].count));
      }
    }
    return;
  }
  bool const search = config_.alphas.search_tolerance > 0.0;
  bool const from_base = config_.batchnorm.kind == NormSelection::Kind::from_base;
  for (std::size_t r = 0; r + 3 < requests_.size(); r += 4) {
    auto const index = [&](std::size_t i) { return static_cast<std::size_t>(requests_[r + i]); };
    auto const g = index(0), set = index(1), c = index(2);
    auto& group = groups_[{g, set}];
    if (!group)
      group = std::make_shared<PhaseGroup>(PhaseGroup{plan_.groups[g].points, {}, {}, {}});
    auto const& curve = plan_.groups[g].curves[c];
    if (search) {
      group->wanted.push_back(
          place(model_.table(), group->points, *curve.path, requests_[r + 3], from_base));
    } else {
      group->curves.push_back(c);
      for (int const point : curve.used()) group->wanted.push_back(point);
    }
  }
  for (auto& [key, group] : groups_) {
    if (!search) {
      std::ranges::sort(group->wanted);
      auto& wanted = group->wanted;
      wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    }
    auto const count = plan_.sets[key.second].count;
    add_units(key.first, key.second, search ? 0 : block_end(phase_ - 1, count),
              block_end(phase_, count));
  }
}

void RoundAnalysis::enter(std::int64_t phase, std::vector<double> requests) {
  if (phase == phase_) return;
  phase_ = phase;
  requests_ = std::move(requests);
  begin_phase();
}

BatchLoader RoundAnalysis::loader(SampleSet const& set, SampleSource const& samples) const {
  auto const& read = set.test ? samples.test : samples.train;
  return [&set, &read](std::int64_t first, std::int64_t count) {
    std::vector<std::int64_t> indices;
    for (auto i = first; i < first + count; ++i) {
      indices.push_back(set.indices.empty() ? i : set.indices[static_cast<std::size_t>(i)]);
    }
    return read(indices);
  };
}

std::vector<double> RoundAnalysis::compute(std::size_t unit, AnalysisModels& models,
                                           SampleSource const& samples,
                                           Interlude const& interlude) {
  auto const& work = units_[unit];
  switch (work.work) {
    case Unit::Work::comparison:
      return compare(plan_.comparisons[work.group], models);
    case Unit::Work::alignment:
      return flattened(models.permutations(plan_.alignments[work.group].model));
    case Unit::Work::points:
      break;
  }
  return evaluate(work, models, samples, interlude);
}

std::vector<double> RoundAnalysis::compare(Comparison const& comparison,
                                           AnalysisModels& models) const {
  auto const a = models.get(comparison.a);
  auto const b = models.get(comparison.b);
  auto const& table = model_.table();
  std::vector<Products> layers(table.layers.size());
  for (std::size_t i = 0; i < table.parameters.size(); ++i) {
    auto const x = a.parameters[i].cpu().contiguous();
    auto const y = b.parameters[i].cpu().contiguous();
    layers[static_cast<std::size_t>(table.parameters[i].layer)] +=
        products(elements(x), elements(y));
  }
  std::vector<double> values;
  for (auto const& layer : layers) {
    values.insert(values.end(),
                  {layer.squared_distance, layer.dot, layer.squared_a, layer.squared_b});
  }
  return values;
}

/// Cuts the wanted points where their models would no longer fit into memory at once.
void RoundAnalysis::cut(PhaseGroup& group, std::size_t capacity) const {
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

std::unique_ptr<RoundAnalysis::Wave> RoundAnalysis::make_wave(PhaseGroup const& group,
                                                              std::vector<int> const& points,
                                                              AnalysisModels& models) const {
  std::vector<Weights> loaded(plan_.models.size());
  for (int const point : points) {
    for (int const model : models_of(group.points, point)) {
      auto& weights = loaded[static_cast<std::size_t>(model)];
      if (weights.parameters.empty()) weights = models.get(model);
    }
  }
  // Layers that are equal in two models are evaluated as one.
  auto const equal = equal_layers(model_.table(), loaded);
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
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  auto tree = build_tree(distinct, all, engine_.stages());
  auto const cost = tree.multiply_adds(engine_.stages());
  return std::make_unique<Wave>(Wave{
      std::move(evaluated), distinct.size(), std::move(tree), cost,
      BlendedWeights(model_.table(), std::move(loaded), distinct.blends(), blend_memory(config_))});
}

std::vector<double> RoundAnalysis::evaluate(Unit const& unit, AnalysisModels& models,
                                            SampleSource const& samples,
                                            Interlude const& interlude) {
  auto& group = *groups_.at({unit.group, unit.set});
  if (group.waves.empty()) cut(group, models.capacity());
  auto const load = loader(plan_.sets[unit.set], samples);
  SampleLosses losses(group.points.size(), unit.count);
  double done = 0.0;
  for (auto const& points : group.waves) {
    if (current_points_ != &points || !current_) {
      current_.reset();
      current_ = make_wave(group, points, models);
      current_points_ = &points;
    }
    auto& wave = *current_;
    SampleLosses found(wave.distinct, unit.count);
    engine_.evaluate(wave.tree, wave.weights, unit.first, unit.count, load, found, interlude);
    for (std::size_t i = 0; i < points.size(); ++i) {
      std::ranges::copy(found.loss(wave.evaluated[i]), losses.loss(points[i]).begin());
      std::ranges::copy(found.error(wave.evaluated[i]), losses.error(points[i]).begin());
    }
    done += wave.cost * static_cast<double>(unit.count);
  }
  std::vector<double> values;
  for (int const point : group.wanted) {
    double loss = 0.0, errors = 0.0;
    for (double const value : losses.loss(point)) loss += value;
    for (auto const value : losses.error(point)) errors += value;
    values.insert(values.end(), {loss, errors});
  }
  double plain = 0.0;
  for (auto const c : group.curves) {
    auto const& curve = plan_.groups[unit.group].curves[c];
    for (auto const& square : squares(curve, losses, unit.count)) {
      values.insert(values.end(), {square.loss, square.error});
    }
    plain += static_cast<double>(curve.points.size() + curve.plane.size());
  }
  values.insert(values.end(), {done, plain * forward_cost_ * static_cast<double>(unit.count)});
  return values;
}

AnalysisSegment RoundAnalysis::assemble() const { return make_tables(plan_, model_, sums_); }

std::string RoundAnalysis::describe(std::size_t models_at_once) const {
  std::size_t points = 0, curves = 0;
  for (auto const& group : plan_.groups) {
    points += group.points.size();
    curves += group.curves.size();
  }
  std::size_t stack = 1;
  for (auto const& stage : engine_.stages()) stack = std::max(stack, stage.stack);
  return std::to_string(curves) + " curves, " + std::to_string(points) + " points, " +
         std::to_string(plan_.models.size()) + " models (" + std::to_string(models_at_once) +
         " in memory at once), stacks of up to " + std::to_string(std::min(stack, points)) + ", " +
         std::to_string(units_.size()) + " units of up to " + std::to_string(plan_.chunk) +
         " samples";
}

}  // namespace fedstrata
