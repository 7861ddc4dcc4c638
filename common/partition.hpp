#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "common/config.hpp"

namespace fedstrata {

/// Which training samples each client holds. Indices of a client are ascending, except that for
/// `same` every client lists all samples.
struct Partition {
  std::vector<std::int64_t> offsets;    ///< [clients + 1] into indices
  std::vector<std::int64_t> indices;    ///< sample numbers, client after client
  std::vector<std::int64_t> histogram;  ///< [clients, classes] samples per label

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

/// Pure and deterministic in (labels, config, seed); time bounded by O(samples + clients x classes).
/// Every kind but `same` is disjoint and complete. Throws InputError when the samples do not
/// suffice (every client gets at least one; min_samples for dirichlet and quantity).
Partition make_partition(std::span<std::uint8_t const> labels, std::int64_t classes,
                         DataConfig const& config, std::uint64_t seed);

}  // namespace fedstrata
