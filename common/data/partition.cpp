#include "common/data/partition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <string>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/random.hpp"

// How samples are dealt to clients, as the literature does it, in integers and with streams keyed
// by purpose: the same on every rank and machine. Dirichlet weights are drawn as logarithms, since
// with a small concentration most are below the smallest double.

namespace fedstrata {
namespace {

using Indices = std::vector<std::int64_t>;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

Indices count_up(std::size_t count) {
  Indices indices(count);
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

Indices shuffled(std::size_t count, Random& random) {
  auto indices = count_up(count);
  random.shuffle(indices);
  return indices;
}

// Weights in proportion to exp(logs), the largest 1: logarithms may lie far outside double's range.
std::vector<double> to_weights(std::vector<double> logs) {
  constexpr double kLowest = std::numeric_limits<double>::lowest();
  for (auto& value : logs) value = std::max(value, kLowest);
  double const top = std::ranges::max(logs);
  for (auto& value : logs) value = std::exp(value - top);
  return logs;
}

// Cuts `samples` into runs in proportion to `weights`; run i goes to takers[i].
void deal(Indices const& samples, Indices const& takers, std::vector<double> const& weights,
          Indices& owner) {
  double const total = std::accumulate(weights.begin(), weights.end(), 0.0);
  auto const count = static_cast<double>(samples.size());
  double running = 0.0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < takers.size(); ++i) {
    running += weights[i];
    auto const cut = static_cast<std::size_t>(std::llround(running / total * count));
    auto const end = i + 1 == takers.size() ? samples.size() : std::min(cut, samples.size());
    for (; at < end; ++at) owner[index(samples[at])] = takers[i];
  }
}

// Gives each client below `floor` samples of whoever is the largest then (the lowest id on ties);
// floor <= samples / clients, so that there is always one above it.
void raise_to(std::int64_t floor, std::size_t clients, Indices& owner, Random& random) {
  std::vector<Indices> held(clients);
  for (auto const sample : shuffled(owner.size(), random))
    held[index(owner[index(sample)])].push_back(sample);
  auto const least = index(floor);
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

std::vector<Indices> by_label(std::span<std::uint8_t const> labels, std::int64_t classes,
                              Random& random) {
  std::vector<Indices> samples(index(classes));
  for (auto const sample : shuffled(labels.size(), random))
    samples[labels[index(sample)]].push_back(sample);
  return samples;
}

Indices deal_iid(std::size_t samples, std::size_t clients, Random& random) {
  Indices owner(samples);
  deal(shuffled(samples, random), count_up(clients), std::vector(clients, 1.0), owner);
  return owner;
}

Indices deal_dirichlet(std::span<std::uint8_t const> labels, std::int64_t classes,
                       std::size_t clients, double alpha, Random& random) {
  Indices owner(labels.size());
  for (auto const& samples : by_label(labels, classes, random)) {
    std::vector<double> logs(clients);
    for (auto& value : logs) value = random.log_gamma(alpha);
    // In a fixed order the rounding of the cuts would favour the same clients in every class.
    deal(samples, shuffled(clients, random), to_weights(std::move(logs)), owner);
  }
  return owner;
}

Indices deal_shards(std::span<std::uint8_t const> labels, std::int64_t classes, std::size_t clients,
                    std::int64_t per_client, Random& random) {
  Indices sorted, takers, owner(labels.size());
  for (auto const& samples : by_label(labels, classes, random))
    sorted.insert(sorted.end(), samples.begin(), samples.end());
  for (auto const shard : shuffled(clients * index(per_client), random))
    takers.push_back(shard / per_client);
  deal(sorted, takers, std::vector(takers.size(), 1.0), owner);
  return owner;
}

// "data.classes_per_client = K ..." unless every class that occurs can have holders, and each of
// its holders a sample.
Indices deal_classes(std::span<std::uint8_t const> labels, std::int64_t classes,
                     std::size_t clients, std::int64_t per_client, Random& random) {
  auto const samples = by_label(labels, classes, random);
  Indices present;
  for (std::size_t c = 0; c < samples.size(); ++c)
    if (!samples[c].empty()) present.push_back(static_cast<std::int64_t>(c));
  auto const wanted =
      "data.partition = classes with data.classes_per_client = " + std::to_string(per_client) +
      " and data.clients = " + std::to_string(clients);
  auto const count = std::to_string(present.size());
  require_input(index(per_client) <= present.size(), wanted + ": the training samples are of " +
                                                         count +
                                                         " classes; lower data.classes_per_client");
  require_input(clients * index(per_client) >= present.size(),
                wanted + ": some of the " + count +
                    " classes would be nobody's; raise data.classes_per_client or data.clients");
  // Each client takes the classes that the fewest have so far, so that holders differ by one.
  std::vector<Indices> holders(index(classes));
  for (std::size_t client = 0; client < clients; ++client) {
    random.shuffle(present);
    std::ranges::stable_sort(present, {}, [&](auto c) { return holders[index(c)].size(); });
    for (std::size_t k = 0; k < index(per_client); ++k)
      holders[index(present[k])].push_back(static_cast<std::int64_t>(client));
  }
  Indices owner(labels.size());
  for (std::size_t c = 0; c < samples.size(); ++c) {
    if (samples[c].empty()) continue;
    require_input(holders[c].size() <= samples[c].size(),
                  wanted + ": class " + std::to_string(c) + " has " +
                      std::to_string(samples[c].size()) + " samples for " +
                      std::to_string(holders[c].size()) +
                      " clients; lower data.classes_per_client or data.clients");
    random.shuffle(holders[c]);
    deal(samples[c], holders[c], std::vector(holders[c].size(), 1.0), owner);
  }
  return owner;
}

Indices deal_quantity(std::size_t samples, std::size_t clients, double sigma, Random& random) {
  Indices owner(samples);
  std::vector<double> logs(clients);
  for (auto& value : logs) value = sigma * random.normal();
  deal(shuffled(samples, random), count_up(clients), to_weights(std::move(logs)), owner);
  return owner;
}

Partition from_owners(Indices const& owner, std::span<std::uint8_t const> labels,
                      std::int64_t classes, std::size_t clients) {
  Partition partition{.offsets = Indices(clients + 1),
                      .indices = Indices(owner.size()),
                      .histogram = Indices(clients * index(classes))};
  for (auto const client : owner) ++partition.offsets[index(client) + 1];
  std::partial_sum(partition.offsets.begin(), partition.offsets.end(), partition.offsets.begin());
  auto next = partition.offsets;
  for (std::size_t i = 0; i < owner.size(); ++i) {
    partition.indices[index(next[index(owner[i])]++)] = static_cast<std::int64_t>(i);
    if (classes > 0) ++partition.histogram[index(owner[i] * classes) + labels[i]];
  }
  return partition;
}

Partition everything_to_all(std::size_t samples, std::span<std::uint8_t const> labels,
                            std::int64_t classes, std::size_t clients) {
  auto const all = from_owners(Indices(samples), labels, classes, 1);
  Partition partition{.offsets = {0}, .indices = {}, .histogram = {}};
  partition.indices.reserve(clients * samples);
  for (std::size_t c = 0; c < clients; ++c) {
    partition.indices.insert(partition.indices.end(), all.indices.begin(), all.indices.end());
    partition.histogram.insert(partition.histogram.end(), all.histogram.begin(),
                               all.histogram.end());
    partition.offsets.push_back(static_cast<std::int64_t>(partition.indices.size()));
  }
  return partition;
}

// "KEY = VALUE for each of data.clients = N needs more than ..." unless each client can have
// `each`.
void check_share(std::string const& key, std::int64_t each, std::int64_t clients,
                 std::int64_t samples) {
  require_input(each <= samples / clients,
                key + " = " + std::to_string(each) + " for each of data.clients = " +
                    std::to_string(clients) + " needs more than the " + std::to_string(samples) +
                    " training samples there are: lower " + key + " or data.clients");
}

void check(DataConfig const& config, std::int64_t samples) {
  auto const clients = config.clients;
  auto const kind = config.partition;
  require_input(clients >= 1, "data.clients = " + std::to_string(clients) + " must be at least 1");
  if (kind == PartitionKind::same) {
    constexpr std::int64_t kMostEntries = std::int64_t{1} << 31;
    require_input(samples > 0 && clients <= kMostEntries / samples,
                  "data.partition = same lists " + std::to_string(samples) +
                      " samples for each of data.clients = " + std::to_string(clients) +
                      ", more than 2^31 entries in all: lower data.clients or data.train_limit");
    return;
  }
  require_input(clients <= samples,
                "data.clients = " + std::to_string(clients) + " is more than the " +
                    std::to_string(samples) +
                    " training samples there are: lower data.clients or raise data.train_limit");
  if (kind == PartitionKind::shards)
    check_share("data.classes_per_client", config.classes_per_client, clients, samples);
  if (kind == PartitionKind::dirichlet || kind == PartitionKind::quantity)
    check_share("data.min_samples", config.min_samples, clients, samples);
  require_input(config.classes_per_client >= 1, "data.classes_per_client must be at least 1");
  require_input(config.alpha > 0.0 && std::isfinite(config.alpha),
                "data.alpha must be a positive number");
  require_input(config.sigma >= 0.0 && std::isfinite(config.sigma),
                "data.sigma must be 0 or a positive number");
}

/// `labels`: of all samples, or none with `classes` = 0.
Partition deal(std::size_t samples, std::span<std::uint8_t const> labels, std::int64_t classes,
               DataConfig const& config, std::uint64_t seed) {
  check(config, static_cast<std::int64_t>(samples));
  auto const clients = index(config.clients);
  Random random(seed, Purpose::partition);
  Indices owner;
  switch (config.partition) {
    case PartitionKind::same:
      return everything_to_all(samples, labels, classes, clients);
    case PartitionKind::iid:
      owner = deal_iid(samples, clients, random);
      break;
    case PartitionKind::shards:
      owner = deal_shards(labels, classes, clients, config.classes_per_client, random);
      break;
    case PartitionKind::classes:
      owner = deal_classes(labels, classes, clients, config.classes_per_client, random);
      break;
    case PartitionKind::dirichlet:
      owner = deal_dirichlet(labels, classes, clients, config.alpha, random);
      raise_to(std::max<std::int64_t>(config.min_samples, 1), clients, owner, random);
      break;
    case PartitionKind::quantity:
      owner = deal_quantity(samples, clients, config.sigma, random);
      raise_to(std::max<std::int64_t>(config.min_samples, 1), clients, owner, random);
      break;
  }
  return from_owners(owner, labels, classes, clients);
}

}  // namespace

Partition make_partition(std::span<std::uint8_t const> labels, std::int64_t classes,
                         DataConfig const& config, std::uint64_t seed) {
  return deal(labels.size(), labels, classes, config, seed);
}

Partition make_partition(std::int64_t samples, DataConfig const& config, std::uint64_t seed) {
  auto const kind = config.partition;
  std::string const by_label = kind == PartitionKind::dirichlet ? "dirichlet"
                               : kind == PartitionKind::shards  ? "shards"
                               : kind == PartitionKind::classes ? "classes"
                                                                : "";
  require_input(by_label.empty(),
                "data.partition = " + by_label +
                    " deals samples by their labels, and data.dataset = " + config.dataset +
                    " has none; set data.partition = iid, quantity or same");
  return deal(static_cast<std::size_t>(samples), {}, 0, config, seed);
}

}  // namespace fedstrata
