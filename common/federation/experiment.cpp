#include "common/federation/experiment.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/base/text.hpp"
#include "common/config/presets.hpp"
#include "common/federation/epoch_batches.hpp"
#include "common/tasks/tasks.hpp"

// Who takes part, what is averaged, evaluated and stored in a round: all of it follows from the
// configuration, the data set and the number of the round, so every rank finds the same without a
// message, and a run that goes on finds what an uninterrupted one would have.

namespace fedstrata {
namespace {

void append(std::vector<StatePart>& parts, std::vector<StatePart> const& more) {
  parts.insert(parts.end(), more.begin(), more.end());
}

}  // namespace

InputShape input_shape(DatasetInfo const& info) { return {info.shape, info.outputs}; }

namespace {

Partition partition_of(Config const& config, DatasetInfo const& info,
                       std::span<std::uint8_t const> targets,
                       std::span<std::int32_t const> owners) {
  if (info.targets == Targets::labels) {
    return make_partition(targets, info.outputs, config.data, config.run.seed, owners);
  }
  return make_partition(std::ssize(targets) / info.target_bytes(), config.data, config.run.seed,
                        owners);
}

/// What is for pixels only.
Config checked(Config config, DatasetInfo const& info) {
  require_input(config.data.augment == Augment::none || info.inputs == Inputs::pixels,
                "data.augment = crop_flip needs images, and data.dataset = " + info.name +
                    " has none; set data.augment = none");
  require_input(config.train.label_smoothing == 0.0 || info.targets == Targets::labels,
                "train.label_smoothing = " + shortest(config.train.label_smoothing) +
                    " needs labels, and the targets of data.dataset = " + info.name +
                    " are numbers; leave it out");
  return config;
}

}  // namespace

Experiment::Experiment(Config settings, DatasetInfo info,
                       std::span<std::uint8_t const> train_targets,
                       std::vector<StateField> state_fields, std::span<std::int32_t const> owners)
    : Experiment(settings, info, partition_of(settings, info, train_targets, owners),
                 std::move(state_fields)) {}

Experiment::Experiment(Config settings, DatasetInfo info, Partition p,
                       std::vector<StateField> state_fields)
    : config(checked(std::move(settings), info)),
      dataset(std::move(info)),
      partition(std::move(p)),
      task(&task_named(dataset.task)),
      model(make_model(config.model, input_shape(dataset))),
      schedule(config, model.table()),
      fields(std::move(state_fields)),
      evaluation(evaluation_plan(config.federation, evaluation_load())) {
  require_input(config.train.correction == "none" || !schedule.averaged_layers().empty(),
                "train.correction = " + config.train.correction +
                    " corrects what averaged layers do between averages, but no layer is averaged; "
                    "leave it out or average some");
}

bool Experiment::changes_mean(int layer) const {
  bool const by_correction = config.train.correction == "feddyn" && config.train.dyn_alpha > 0.0;
  return by_correction || schedule.settings_of(layer)->update != "mean";
}

std::vector<std::int64_t> Experiment::all_clients() const {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(clients()));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  return ids;
}

std::vector<std::int64_t> Experiment::participants(std::int64_t round) const {
  return fedstrata::participants(config.federation, clients(), config.run.seed, round);
}

std::int64_t Experiment::local_steps(std::int64_t client) const {
  if (config.federation.local_steps > 0) return config.federation.local_steps;
  return config.federation.local_epochs *
         EpochBatches(partition.samples(client), config.train).count();
}

std::vector<std::int64_t> Experiment::batch_sizes(std::int64_t client) const {
  EpochBatches const batches(partition.samples(client), config.train);
  auto const steps = std::min(local_steps(client), batches.count());
  if (steps == 0) return {};
  std::vector<std::int64_t> sizes{batches.size(0)};
  auto const last = batches.size(steps - 1);
  if (last != sizes[0]) sizes.insert(last < sizes[0] ? sizes.begin() : sizes.end(), last);
  return sizes;
}

std::uint64_t Experiment::init_stream(std::int64_t client) const {
  return config.model.init == Init::different ? static_cast<std::uint64_t>(client) : 0;
}

namespace {

/// Every so many rounds (0 = never), and in the last one.
bool in_interval(std::int64_t every, std::int64_t round, std::int64_t rounds) {
  return every > 0 && (round % every == 0 || round == rounds);
}

}  // namespace

bool Experiment::compares(std::int64_t round) const {
  return in_interval(config.federation.evaluate_every, round, config.federation.rounds);
}

bool Experiment::evaluates(std::int64_t round) const {
  return in_interval(evaluation.every, round, config.federation.rounds);
}

bool Experiment::evaluates_global(std::int64_t round) const {
  auto const all = model.table().layers.size();
  return evaluates(round) &&
         (evaluation.global || round == 0 || schedule.due_layers(round).size() == all);
}

std::vector<std::int64_t> Experiment::evaluated_clients(std::int64_t round) const {
  if (!evaluates(round)) return {};
  auto ids = participants(round);
  if (evaluation.participants >= std::ssize(ids)) return ids;
  auto order = all_clients();
  Random(config.run.seed, Purpose::evaluation).shuffle(order);
  std::vector<std::int64_t> place(order.size());
  for (std::int64_t i = 0; i < std::ssize(order); ++i) {
    place[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = i;
  }
  std::ranges::sort(ids, {}, [&](auto id) { return place[static_cast<std::size_t>(id)]; });
  ids.resize(static_cast<std::size_t>(evaluation.participants));
  std::ranges::sort(ids);
  return ids;
}

EvaluationLoad Experiment::evaluation_load() const {
  EvaluationLoad load{.participants = std::ssize(participants(1)),
                      .test_samples = dataset.test_count,
                      .all_averaged = true};
  for (int layer = 0; layer < static_cast<int>(model.table().layers.size()); ++layer) {
    load.all_averaged = load.all_averaged && schedule.always_averaged(layer);
  }
  double all = 0.0;
  for (auto const client : all_clients()) {
    auto const samples = partition.samples(client);
    all += config.federation.local_steps > 0
               ? static_cast<double>(config.federation.local_steps *
                                     std::min(samples, config.train.batch_size))
               : static_cast<double>(config.federation.local_epochs *
                                     EpochBatches(samples, config.train).samples());
  }
  load.trained_samples =
      all * static_cast<double>(load.participants) / static_cast<double>(clients());
  return load;
}

std::string Experiment::learning_rate_keys(std::int64_t round) const {
  std::vector<std::string> keys = {"train.lr"};
  for (auto const& group : averaging_groups(config)) {
    bool averaged = false;
    for (std::int64_t before = 1; before < round; ++before)
      averaged = averaged || due(group, before);
    if (averaged && has_learning_rate(group.update))
      keys.push_back("average." + group.name + ".update_lr");
  }
  return join(keys, " or ");
}

RoundParts Experiment::parts(std::int64_t round) const {
  RoundParts result;
  result.due_layers = schedule.due_layers(round);
  result.all_averaged = result.due_layers.size() == model.table().layers.size();
  auto const layout = state();
  auto parts = layout.model_parts(result.due_layers);
  auto const known = weightings(round);
  for (auto& part : parts) {
    auto const& update = schedule.settings_of(part.layer)->update;
    if (part.slice.offset != parameters_of(part.layer).offset) continue;
    if (asks_for_distances(update)) result.distant_layers.push_back(part.layer);
    if (!normalises_steps(update)) continue;
    MeanWeights const own{MeanWeights::Of::steps, schedule.last_average(part.layer, round)};
    part.weighting = static_cast<int>(std::ranges::find(known, own) - known.begin());
  }
  append(parts, layout.field_parts(result.due_layers, AtAveraging::average));
  result.due = parts.size();
  if (compares(round)) {
    append(parts, layout.model_parts(other_layers(result.due_layers)));
    for (int const layer : result.due_layers) {
      if (changes_mean(layer)) parts.push_back({layer, parameters_of(layer)});
    }
  }
  result.parts = PackedParts(parts);
  return result;
}

Slice Experiment::parameters_of(int layer) const {
  return model.table().layers[static_cast<std::size_t>(layer)].parameters;
}

std::vector<int> Experiment::other_layers(std::vector<int> const& layers) const {
  std::vector<int> others;
  for (int layer = 0; layer < static_cast<int>(model.table().layers.size()); ++layer) {
    if (!std::ranges::binary_search(layers, layer)) others.push_back(layer);
  }
  return others;
}

std::vector<int> Experiment::common_layers(std::int64_t round) const {
  std::vector<int> layers;
  if (config.model.init == Init::same) {
    layers = schedule.averaged_layers();
  } else {
    for (std::int64_t before = 1; before < round; ++before) {
      auto const due = schedule.due_layers(before);
      layers.insert(layers.end(), due.begin(), due.end());
    }
  }
  std::ranges::sort(layers);
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

PackedParts Experiment::own_parts() const {
  std::vector<int> always;
  for (int layer = 0; layer < static_cast<int>(model.table().layers.size()); ++layer) {
    if (schedule.always_averaged(layer)) always.push_back(layer);
  }
  auto const others = other_layers(always);
  auto const layout = state();
  auto parts = layout.model_parts(others);
  append(parts, layout.field_parts(others));
  append(parts, layout.field_parts(always, AtAveraging::keep));
  return PackedParts(parts);
}

WantedRows Experiment::wanted(std::int64_t round) const {
  auto const& checkpoint = config.checkpoint;
  WantedRows rows;
  rows.keep = checkpoint.every > 0 && round % checkpoint.every == 0;
  rows.keep_before =
      rows.keep && (round == 0 ? config.model.init == Init::different : checkpoint.before);
  rows.keep_after = rows.keep && round > 0 && checkpoint.after;
  rows.analyse = round > 0 && config.analysis.every > 0 && round % config.analysis.every == 0;
  rows.analyse_at = config.analysis.at;
  return rows;
}

std::vector<std::int64_t> Experiment::loads() const {
  std::vector<std::int64_t> result;
  for (std::int64_t client = 0; client < clients(); ++client) {
    result.push_back(config.federation.local_steps > 0 ? 1 : partition.samples(client));
  }
  return result;
}

}  // namespace fedstrata
