// What happens to a round, in order: the plan says which curves there are (server/plan);
// begin_phase() cuts what a phase evaluates into units; any rank computes any of them;
// finish_phase() adds up their results in the order of the units, so that it does not matter who
// computed what, and asks the phase rule what comes next. Once nothing does, the sums become tables
// (server/results).
#include "server/analysis/round_analysis.hpp"

#include <torch/types.h>

#include <algorithm>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>

#include "common/device/device.hpp"
#include "server/plan/planner.hpp"
#include "server/results/round_tables.hpp"

namespace fedstrata {
namespace {

std::span<float const> elements(at::Tensor const& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// Tensors where a loop can read them: as they are, or by one copy from a device.
std::vector<at::Tensor> on_host(std::vector<at::Tensor> tensors) {
  if (in_host_memory(tensors.front())) return tensors;
  std::vector<std::int64_t> sizes;
  for (auto& tensor : tensors) {
    tensor = tensor.view({-1});
    sizes.push_back(tensor.numel());
  }
  return at::cat(tensors).cpu().split_with_sizes(sizes);
}

BatchLoader loader(SampleSet const& set, SampleSource const& samples) {
  auto const& read = set.test ? samples.test : samples.train;
  return [&set, &read](std::int64_t first, std::int64_t count) {
    std::vector<std::int64_t> indices;
    for (auto i = first; i < first + count; ++i) {
      indices.push_back(set.indices.empty() ? i : set.indices[static_cast<std::size_t>(i)]);
    }
    return read(indices);
  };
}

void add(Value& sum, Value const& more) {
  sum.loss += more.loss;
  sum.error += more.error;
}

}  // namespace

RoundAnalysis::RoundAnalysis(PlanInput const& input, Model const& model, Task const& task,
                             InputShape const& shape, at::Tensor calibration)
    : model_(model),
      plan_(plan_round(input)),
      evaluator_(model, task, shape, input.config, std::move(calibration)),
      rule_(make_phase_rule(input.config, model.table())) {
  for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
    for (auto const set : plan_.groups[g].sets) {
      for (std::size_t c = 0; c < plan_.groups[g].curves.size(); ++c) sums_.curves[{g, set, c}];
    }
  }
  begin_phase();
}

RoundAnalysis::~RoundAnalysis() = default;

PhaseGroup RoundAnalysis::whole_group(std::size_t group) const {
  PhaseGroup phase{plan_.groups[group].points, {}, {}, {}};
  std::set<int> wanted;
  for (std::size_t c = 0; c < plan_.groups[group].curves.size(); ++c) {
    phase.curves.push_back(c);
    for (int const point : plan_.groups[group].curves[c].used()) wanted.insert(point);
  }
  phase.wanted.assign(wanted.begin(), wanted.end());
  return phase;
}

void RoundAnalysis::add_units(std::size_t group, std::size_t set) {
  auto [first, last] = rule_->samples(phase_, plan_.chunk, plan_.sets[set].count);
  for (; first < last; first += plan_.chunk) {
    units_.emplace_back(PointsUnit{group, set, first, std::min(plan_.chunk, last - first)});
  }
}

void RoundAnalysis::begin_phase() {
  units_.clear();
  groups_.clear();
  evaluator_.forget();
  if (phase_ == 0) {
    for (std::size_t c = 0; c < plan_.comparisons.size(); ++c) {
      units_.emplace_back(ComparisonUnit{c});
    }
    for (std::size_t a = 0; a < plan_.alignments.size(); ++a) {
      units_.emplace_back(AlignmentUnit{a});
    }
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      auto const shared = std::make_shared<PhaseGroup>(whole_group(g));
      for (auto const set : plan_.groups[g].sets) {
        groups_[{g, set}] = shared;
        add_units(g, set);
      }
    }
    return;
  }
  for (auto const& request : requests_) {
    auto const [g, set, c] = index_of(request);
    auto& group = groups_[place_of(request)];
    if (!group)
      group = std::make_shared<PhaseGroup>(PhaseGroup{plan_.groups[g].points, {}, {}, {}});
    rule_->add(*group, plan_.groups[g].curves[c], request);
  }
  for (auto& [place, group] : groups_) {
    rule_->complete(*group);
    add_units(place.first, place.second);
  }
}

void RoundAnalysis::enter(std::int64_t phase, std::vector<PhaseRequest> requests) {
  if (phase == phase_) return;
  phase_ = phase;
  requests_ = std::move(requests);
  begin_phase();
}

// --- Units -------------------------------------------------------------------------------------

UnitResult RoundAnalysis::compute(std::size_t unit, AnalysisModels& models,
                                  SampleSource const& samples, Interlude const& interlude) {
  auto const& work = units_[unit];
  if (auto const* points = std::get_if<PointsUnit>(&work)) {
    return compute(*points, models, samples, interlude);
  }
  if (auto const* comparison = std::get_if<ComparisonUnit>(&work)) {
    return compute(*comparison, models);
  }
  return compute(std::get<AlignmentUnit>(work), models);
}

ComparisonResult RoundAnalysis::compute(ComparisonUnit const& unit, AnalysisModels& models) const {
  auto const& comparison = plan_.comparisons[unit.comparison];
  auto const a = models.get(comparison.a);
  auto const b = models.get(comparison.b);
  auto const& table = model_.table();
  ComparisonResult result{std::vector<Products>(table.layers.size())};
  auto const x = on_host(a.parameters), y = on_host(b.parameters);
  for (std::size_t i = 0; i < table.parameters.size(); ++i) {
    result.layers[static_cast<std::size_t>(table.parameters[i].layer)] +=
        products(elements(x[i]), elements(y[i]));
  }
  return result;
}

AlignmentResult RoundAnalysis::compute(AlignmentUnit const& unit, AnalysisModels& models) const {
  AlignmentResult result;
  for (auto const& order : models.permutations(plan_.alignments[unit.alignment].model).groups) {
    result.orders.insert(result.orders.end(), order.begin(), order.end());
  }
  return result;
}

PointsResult RoundAnalysis::compute(PointsUnit const& unit, AnalysisModels& models,
                                    SampleSource const& samples, Interlude const& interlude) {
  auto& group = *groups_.at({unit.group, unit.set});
  auto const load = loader(plan_.sets[unit.set], samples);
  auto const [losses, multiply_adds] =
      evaluator_.evaluate(group, models, unit.first, unit.count, load, interlude);
  PointsResult result;
  result.multiply_adds = multiply_adds;
  for (int const point : group.wanted) {
    Value sum;
    for (double const value : losses.loss(point)) sum.loss += value;
    for (auto const value : losses.error(point)) sum.error += value;
    result.points.push_back(sum);
  }
  double plain = 0.0;
  for (auto const c : group.curves) {
    auto const& curve = plan_.groups[unit.group].curves[c];
    result.squares.push_back(squares(curve, losses, unit.count));
    plain += static_cast<double>(curve.points.size() + curve.plane.size());
  }
  result.plain_multiply_adds = plain * evaluator_.forward_cost() * static_cast<double>(unit.count);
  return result;
}

UnitResult RoundAnalysis::unpack(std::size_t unit, std::vector<double> const& values) const {
  auto const& work = units_[unit];
  if (auto const* points = std::get_if<PointsUnit>(&work)) {
    auto const& group = *groups_.at({points->group, points->set});
    std::vector<std::size_t> squares_of;
    for (auto const c : group.curves) {
      squares_of.push_back(squares_count(plan_.groups[points->group].curves[c]));
    }
    return unpacked_points(values, group.wanted.size(), squares_of);
  }
  if (std::holds_alternative<ComparisonUnit>(work)) {
    return unpacked_comparison(values, model_.table().layers.size());
  }
  std::size_t units = 0;
  for (auto const& group : model_.units().groups) units += static_cast<std::size_t>(group.size);
  return unpacked_alignment(values, units);
}

// --- Results -----------------------------------------------------------------------------------

void RoundAnalysis::take(ComparisonUnit const& unit, ComparisonResult const& result) {
  sums_.comparisons[unit.comparison] = result.layers;
}

void RoundAnalysis::take(AlignmentUnit const& unit, AlignmentResult const& result) {
  sums_.alignments[unit.alignment] = result.orders;
}

void RoundAnalysis::take(PointsUnit const& unit, PointsResult const& result) {
  auto const& group = *groups_.at({unit.group, unit.set});
  std::map<int, Value> points;
  for (std::size_t i = 0; i < group.wanted.size(); ++i) points[group.wanted[i]] = result.points[i];
  for (std::size_t k = 0; k < group.curves.size(); ++k) {
    auto const c = group.curves[k];
    auto const& curve = plan_.groups[unit.group].curves[c];
    auto& sums = sums_.curves.at({unit.group, unit.set, c});
    sums.samples += unit.count;
    for (int const point : curve.used()) add(sums.points[point], points.at(point));
    sums.squares.resize(squares_count(curve));
    for (std::size_t i = 0; i < sums.squares.size(); ++i) {
      add(sums.squares[i], result.squares[k][i]);
    }
  }
  work_done_ += result.multiply_adds;
  work_plain_ += result.plain_multiply_adds;
  if (!group.curves.empty()) return;
  for (auto const& [point, value] : points) {
    searched_[{unit.group, unit.set, point}] += value.loss;
  }
}

bool RoundAnalysis::finish_phase(std::vector<UnitResult> const& results) {
  searched_.clear();
  for (std::size_t u = 0; u < units_.size(); ++u) {
    auto const take_one = [&](auto const& unit) {
      take(unit, std::get<typename std::remove_cvref_t<decltype(unit)>::Result>(results[u]));
    };
    std::visit(take_one, units_[u]);
  }
  auto requests = rule_->next(plan_, {phase_, requests_, groups_, searched_}, sums_);
  if (requests.empty()) return false;
  enter(phase_ + 1, std::move(requests));
  return true;
}

// What points have in common is found by comparing them, layer by layer, and those that differ with
// each other. Where that would take more than seconds, points are counted as having nothing in
// common.
double RoundAnalysis::work_expected(std::size_t models_at_once) const {
  constexpr std::size_t kMostBlends = 25'000, kMostNumbers = 2'000'000;
  std::size_t numbers = 0;
  double work = 0.0;
  for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
    std::int64_t samples = 0;
    for (auto const set : plan_.groups[g].sets) samples += plan_.sets[set].count;
    auto const& points = plan_.groups[g].points;
    numbers += points.size() * model_.table().layers.size();
    bool const compared = points.blends().size() <= kMostBlends && numbers <= kMostNumbers;
    double const cost = compared ? evaluator_.expected_cost(whole_group(g), models_at_once)
                                 : static_cast<double>(points.size()) * forward_cost();
    work += cost * static_cast<double>(samples);
  }
  return work;
}

AnalysisSegment RoundAnalysis::assemble() const { return make_tables(plan_, model_, sums_); }

std::string RoundAnalysis::describe(std::size_t models_at_once) const {
  std::size_t points = 0, curves = 0;
  for (auto const& group : plan_.groups) {
    points += group.points.size();
    curves += group.curves.size();
  }
  return std::to_string(curves) + " curves, " + std::to_string(points) + " points, " +
         std::to_string(plan_.models.size()) + " models (" + std::to_string(models_at_once) +
         " in memory at once), stacks of up to " +
         std::to_string(std::min(evaluator_.largest_stack(), points)) + ", " +
         std::to_string(units_.size()) + " units of up to " + std::to_string(plan_.chunk) +
         " samples";
}

}  // namespace fedstrata
