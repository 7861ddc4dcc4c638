#include "common/data/partitions/dealing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>

#include "common/base/error.hpp"

namespace fedstrata {

Indices count_up(std::int64_t count) {
  Indices indices(index(count));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

Indices shuffled(std::int64_t count, Random& random) {
  auto indices = count_up(count);
  random.shuffle(indices);
  return indices;
}

std::vector<double> to_weights(std::vector<double> logs) {
  constexpr double kLowest = std::numeric_limits<double>::lowest();
  for (auto& value : logs) value = std::max(value, kLowest);
  double const top = std::ranges::max(logs);
  for (auto& value : logs) value = std::exp(value - top);
  return logs;
}

void cut(Indices const& samples, Indices const& takers, std::vector<double> const& weights,
         Indices& owner) {
  double const total = std::accumulate(weights.begin(), weights.end(), 0.0);
  auto const count = static_cast<double>(samples.size());
  double running = 0.0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < takers.size(); ++i) {
    running += weights[i];
    auto const here = static_cast<std::size_t>(std::llround(running / total * count));
    auto const end = i + 1 == takers.size() ? samples.size() : std::min(here, samples.size());
    for (; at < end; ++at) owner[index(samples[at])] = takers[i];
  }
}

void raise_to_least(Deal const& deal, Indices& owner) {
  auto const clients = index(deal.config.clients);
  check_share(deal, "data.min_samples", deal.config.min_samples);  // so one is always above it
  auto const least = index(std::max<std::int64_t>(deal.config.min_samples, 1));
  std::vector<Indices> held(clients);
  for (auto const sample : shuffled(deal.samples, deal.random))
    held[index(owner[index(sample)])].push_back(sample);
  std::priority_queue<std::pair<std::size_t, std::int64_t>> donors;  // size, minus id
  for (std::size_t c = 0; c < clients; ++c)
    if (held[c].size() > least) donors.emplace(held[c].size(), -static_cast<std::int64_t>(c));
  for (std::size_t c = 0; c < clients; ++c)
    for (auto size = held[c].size(); size < least; ++size) {
      auto const [donor_size, minus_id] = donors.top();
      donors.pop();
      auto& donor = held[index(-minus_id)];
      owner[index(donor.back())] = static_cast<std::int64_t>(c);
      donor.pop_back();
      if (donor_size - 1 > least) donors.emplace(donor_size - 1, minus_id);
    }
}

std::vector<Indices> samples_by_label(Deal const& deal) {
  std::vector<Indices> samples(index(deal.classes));
  for (auto const sample : shuffled(deal.samples, deal.random))
    samples[deal.labels[index(sample)]].push_back(sample);
  return samples;
}

Partition from_owners(Deal const& deal, Indices const& owner) {
  auto const clients = index(deal.config.clients);
  Partition partition{.offsets = Indices(clients + 1),
                      .indices = {},
                      .histogram = Indices(clients * index(deal.classes))};
  for (auto const client : owner)
    if (client >= 0) ++partition.offsets[index(client) + 1];
  std::partial_sum(partition.offsets.begin(), partition.offsets.end(), partition.offsets.begin());
  partition.indices.resize(index(partition.offsets.back()));
  auto next = partition.offsets;
  for (std::size_t i = 0; i < owner.size(); ++i) {
    if (owner[i] < 0) continue;
    partition.indices[index(next[index(owner[i])]++)] = static_cast<std::int64_t>(i);
    if (deal.classes > 0) ++partition.histogram[index(owner[i] * deal.classes) + deal.labels[i]];
  }
  return partition;
}

void check_enough(Deal const& deal) {
  require_input(deal.config.clients <= deal.samples,
                "data.clients = " + std::to_string(deal.config.clients) + " is more than the " +
                    std::to_string(deal.samples) +
                    " training samples there are: lower data.clients or raise data.train_limit");
}

void check_share(Deal const& deal, std::string const& key, std::int64_t each) {
  auto const clients = deal.config.clients;
  require_input(each <= deal.samples / clients,
                key + " = " + std::to_string(each) +
                    " for each of data.clients = " + std::to_string(clients) +
                    " needs more than the " + std::to_string(deal.samples) +
                    " training samples there are: lower " + key + " or data.clients");
}

}  // namespace fedstrata
