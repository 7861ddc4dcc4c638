#include <algorithm>

#include "common/federation/experiment.hpp"

// Who weighs how much in which mean of a round. The ranks that add up and the coordinator, which
// divides, find the same without a message.

namespace fedstrata {

std::vector<double> Experiment::weights(std::vector<std::int64_t> const& ids) const {
  bool const uniform = config.federation.weighting == Weighting::uniform;
  std::int64_t total = 0;
  for (auto const id : ids) total += uniform ? 1 : partition.samples(id);
  std::vector<double> result;
  for (auto const id : ids) {
    auto const share = uniform ? 1 : partition.samples(id);
    result.push_back(static_cast<double>(share) / static_cast<double>(total));
  }
  return result;
}

std::vector<MeanWeights> Experiment::weightings(std::int64_t round) const {
  std::vector<MeanWeights> all(2);
  all[kModelWeighting] = {.of = MeanWeights::Of::model};
  all[kUniformWeighting] = {.of = MeanWeights::Of::uniform};
  for (int const layer : schedule.due_layers(round)) {
    if (!normalises_steps(schedule.settings_of(layer)->update)) continue;
    MeanWeights const own{MeanWeights::Of::steps, schedule.last_average(layer, round)};
    if (std::ranges::find(all, own) == all.end()) all.push_back(own);
  }
  return all;
}

std::vector<std::vector<double>> Experiment::weights(std::int64_t round) const {
  auto const ids = participants(round);
  std::vector<std::vector<double>> result;
  for (auto const& [of, since] : weightings(round)) {
    switch (of) {
      case MeanWeights::Of::model:
        result.push_back(weights(ids));
        break;
      case MeanWeights::Of::uniform:
        result.emplace_back(ids.size(), 1.0 / static_cast<double>(ids.size()));
        break;
      case MeanWeights::Of::steps:
        result.push_back(divided(weights(ids), steps_sums(round, since)));
        break;
    }
  }
  return result;
}

std::vector<double> Experiment::steps_sums(std::int64_t round, std::int64_t since) const {
  auto const ids = participants(round);
  std::vector<std::int64_t> rounds(ids.size(), 1);
  for (auto earlier = since + 1; earlier < round; ++earlier) {
    auto const there = participants(earlier);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      rounds[i] += std::ranges::binary_search(there, ids[i]) ? 1 : 0;
    }
  }
  std::vector<double> sums;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    sums.push_back(summed_steps(config.train, rounds[i] * local_steps(ids[i])));
  }
  return sums;
}

}  // namespace fedstrata
