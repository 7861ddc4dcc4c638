#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

/// Which training samples each client holds; a client's indices ascend.
struct Partition {
  std::vector<std::int64_t> offsets;    ///< [clients + 1] into indices
  std::vector<std::int64_t> indices;    ///< sample numbers, client after client
  std::vector<std::int64_t> histogram;  ///< [clients, classes] samples per label; no labels: empty

  std::int64_t clients() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t samples(std::int64_t client) const {
    auto const c = static_cast<std::size_t>(client);
    return offsets[c + 1] - offsets[c];
  }
  /// Samples per label of a client, [classes].
  std::span<std::int64_t const> histogram_of(std::int64_t client) const {
    auto const classes = histogram.size() / static_cast<std::size_t>(clients());
    return std::span(histogram).subspan(static_cast<std::size_t>(client) * classes, classes);
  }
  std::span<std::int64_t const> of(std::int64_t client) const {
    auto const c = static_cast<std::size_t>(client);
    return std::span(indices).subspan(static_cast<std::size_t>(offsets[c]),
                                      static_cast<std::size_t>(samples(client)));
  }
};

/// Deals training samples to clients; `labels` are below `classes`. The kinds:
///   iid        shuffled, sizes differ by at most one
///   dirichlet  each class is dealt in proportions drawn from Dirichlet(alpha), then clients below
///              min_samples get random samples of the largest clients
///   shards     sorted by label and cut into equal shards, of which each client gets
///              classes_per_client at random; a shard that straddles two labels holds both
///   classes    each client gets samples of exactly classes_per_client classes, drawn among those
///              that the fewest clients have so far; a class is dealt evenly among its clients
///   quantity   shuffled, sizes proportional to exp(sigma x normal), min_samples as above
///   same       every client holds every sample
/// Every kind but `same` is disjoint and complete, and each client gets at least one sample.
/// Pure and deterministic in (labels, config, seed); ends after at most
/// O(clients x classes + samples x log clients) steps. Throws InputError that says what to set when
/// the samples do not suffice.
Partition make_partition(std::span<std::uint8_t const> labels, std::int64_t classes,
                         DataConfig const& config, std::uint64_t seed);
/// Samples without labels: the same by iid, quantity and same; the histogram is empty. Throws
/// InputError for a kind that deals by labels.
Partition make_partition(std::int64_t samples, DataConfig const& config, std::uint64_t seed);

}  // namespace fedstrata
