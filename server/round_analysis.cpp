#include "server/round_analysis.hpp"

#include <span>
#include <utility>

#include "server/geometry.hpp"
#include "server/round_tables.hpp"

namespace fedstrata {
namespace {

void append(std::vector<double>& values, std::vector<LossSums> const& sums) {
  for (auto const& sum : sums) values.insert(values.end(), {sum.loss, sum.errors});
}

std::span<float const> elements(at::Tensor const& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

RoundAnalysis::RoundAnalysis(AnalysisConfig const& config, std::vector<double> alphas,
                             Model const& model, PairSelection const& pairs, std::uint64_t seed,
                             std::int64_t round, std::vector<std::int64_t> participants,
                             std::int64_t train_count, std::int64_t test_count)
    : model_(model),
      engine_(model, {config.batch_size, config.memory, Loss::cross_entropy}),
      plan_(plan_round(config, std::move(alphas), model.table(), pairs, seed, round,
                       std::move(participants), train_count, test_count)) {}

std::size_t RoundAnalysis::values(std::size_t unit) const {
  return plan_.values(plan_.units[unit], model_.table().layers.size());
}

std::vector<double> RoundAnalysis::compute(std::size_t unit, ModelSource const& models,
                                           SplitSource const& samples,
                                           Interlude const& interlude) const {
  auto const& work = plan_.units[unit];
  auto const& load = work.split == Split::train ? samples.train : samples.test;
  switch (work.kind) {
    case Unit::Kind::sweep:
      return sweep(work, models, load, interlude);
    case Unit::Kind::full: {
      std::vector<double> values;
      append(values, engine_.full_path(models.trained(work.a), models.trained(work.b),
                                       plan_.interior(), work.samples, load, interlude));
      return values;
    }
    case Unit::Kind::geometry:
      break;
  }
  return geometry(work, models);
}

std::vector<double> RoundAnalysis::sweep(Unit const& unit, ModelSource const& models,
                                         BatchLoader const& load,
                                         Interlude const& interlude) const {
  std::vector<LayerPaths> paths;
  for (auto const& partner : unit.partners) {
    paths.push_back({models.trained(partner.client), plan_.steps(partner.reversed)});
  }
  auto const sums = engine_.sweep(models.trained(unit.a), paths, unit.samples, load, interlude);
  std::vector<double> values;
  append(values, {sums.base});
  for (auto const& path : sums.paths) append(values, path);
  return values;
}

std::vector<double> RoundAnalysis::geometry(Unit const& unit, ModelSource const& models) const {
  auto const a = models.trained(unit.a);
  auto const b = unit.b == kInitialisation ? models.initial(unit.a) : models.trained(unit.b);
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

AnalysisSegment RoundAnalysis::assemble(std::vector<std::vector<double>> const& results) const {
  return make_tables(plan_, model_.table(), results);
}

}  // namespace fedstrata
