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

/// Deals training samples to clients in the way that data.partition names (partitions/);
/// `labels` are below `classes`; `owners`: the client whose sample it is, or none.
/// Every way but `same` is disjoint, every way but `natural` (which may leave clients out)
/// complete, and each client gets at least one sample. Pure and deterministic in (labels, config,
/// seed); ends after at most O(clients x classes + samples x log clients) steps. Throws InputError
/// that says what to set when the samples do not suffice.
Partition make_partition(std::span<std::uint8_t const> labels, std::int64_t classes,
                         DataConfig const& config, std::uint64_t seed,
                         std::span<std::int32_t const> owners = {});
/// Samples without labels; the histogram is empty. Throws InputError for a way that needs labels.
Partition make_partition(std::int64_t samples, DataConfig const& config, std::uint64_t seed,
                         std::span<std::int32_t const> owners = {});

}  // namespace fedstrata
