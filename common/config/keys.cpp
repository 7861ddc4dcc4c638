#include "common/config/keys.hpp"

#include <algorithm>

#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata {
namespace {

/// Those of `owner`, whose keys begin with `prefix`.
template <class Owner>
void add_without_effect(std::vector<std::string>& sentences, std::vector<Key<Owner>> const& keys,
                        std::string const& prefix, Owner const& owner) {
  for (auto const& key : keys) {
    auto const value = key.get(owner);
    if (!key.used || key.used(owner) || value == key.get({})) continue;
    sentences.push_back(prefix + key.name + " = " + value + " has no effect: it is for " + key.use);
  }
}

/// Intervals of which none ends within the run.
void add_beyond_the_run(std::vector<std::string>& sentences, Config const& config) {
  auto const rounds = config.federation.rounds;
  auto const planned = "federation.rounds = " + std::to_string(rounds);
  auto const add_interval = [&](std::string const& name, std::int64_t every, char const* outcome) {
    if (every <= rounds) return;
    sentences.push_back(name + " = " + std::to_string(every) + " is longer than the run (" +
                        planned + "): " + outcome);
  };
  add_interval("checkpoint.every", config.checkpoint.every, "only round 0 is stored");
  add_interval("analysis.every", config.analysis.every, "nothing is analysed during it");
  for (auto const& group : config.average) {
    if (group.every == 0) continue;
    auto const name = "average." + group.name;
    auto const first = first_due(group);
    bool const until = group.until > 0 && group.until < std::min(first, rounds);
    if (first <= rounds && !until) continue;
    sentences.push_back(name + " never averages: its first round would be " +
                        std::to_string(first) + ", after " +
                        (until ? name + ".until = " + std::to_string(group.until) : planned));
  }
}

}  // namespace

std::vector<Key<Config>> const& config_keys() {
  static auto const all_keys = [] {
    using namespace keys;
    std::vector<Key<Config>> all;
    append(all, "run", {.results = true}, &Config::run, run_keys());
    append(all, "model", {.results = true}, &Config::model, model_keys());
    append(all, "data", {.results = true}, &Config::data, data_keys());
    append(all, "train", {.results = true}, &Config::train, train_keys());
    append(all, "federation", {.results = true}, &Config::federation, federation_keys());
    append(all, "checkpoint", {.storage = true}, &Config::checkpoint, checkpoint_keys());
    append(all, "analysis", {.analysis = true}, &Config::analysis, analysis_keys());
    return all;
  }();
  return all_keys;
}

std::vector<Key<AverageGroup>> const& group_keys() {
  static auto const group = [] {
    auto keys = keys::average_keys();
    for (auto& key : keys) {
      if (key.effect == Effect{}) key.effect = {.results = true};
    }
    return keys;
  }();
  return group;
}

std::vector<std::string> names_of(Effect const& effect) {
  std::vector<std::string> names;
  if (effect.results) names.push_back("results");
  if (effect.analysis) names.push_back("analysis");
  if (effect.storage) names.push_back("storage");
  if (effect.machine) names.push_back("machine");
  if (effect.limits) names.push_back("limits");
  return names;
}

std::optional<Effect> effect_of(std::string const& key) {
  for (auto const& entry : config_keys()) {
    if (entry.name == key) return entry.effect;
  }
  for (auto const& entry : group_keys()) {
    if (key.starts_with("average.") && key.ends_with("." + entry.name)) return entry.effect;
  }
  return std::nullopt;
}

std::vector<std::string> settings_without_effect(Config const& config) {
  std::vector<std::string> sentences;
  add_without_effect(sentences, config_keys(), "", config);
  for (auto const& group : config.average) {
    add_without_effect(sentences, group_keys(), "average." + group.name + ".", group);
  }
  add_beyond_the_run(sentences, config);
  return sentences;
}

}  // namespace fedstrata
