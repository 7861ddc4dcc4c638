#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/data/partitions/partitions.hpp"

namespace fedstrata {

// What the ways of dealing samples share.

using Indices = std::vector<std::int64_t>;

inline std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// 0 .. count - 1.
Indices count_up(std::int64_t count);
/// The same in random order.
Indices shuffled(std::int64_t count, Random& random);

/// Weights in proportion to exp(logs), the largest 1: logarithms may lie far outside double's
/// range.
std::vector<double> to_weights(std::vector<double> logs);

/// Cuts `samples` into runs in proportion to `weights`; run i goes to takers[i], whom `owner` then
/// names at its samples.
void cut(Indices const& samples, Indices const& takers, std::vector<double> const& weights,
         Indices& owner);

/// Gives each client below data.min_samples samples of whoever is the largest then (the lowest id
/// on ties). Throws InputError where there are too few.
void raise_to_least(Deal const& deal, Indices& owner);

/// Samples of each class, [classes], in random order.
std::vector<Indices> samples_by_label(Deal const& deal);

/// From the client that owns each sample, [samples]; negative: nobody.
Partition from_owners(Deal const& deal, Indices const& owner);

/// Throws InputError unless there is a sample for each client.
void check_enough(Deal const& deal);
/// "KEY = EACH for each of data.clients = N needs more than ...": throws InputError unless each
/// client can have `each`.
void check_share(Deal const& deal, std::string const& key, std::int64_t each);

}  // namespace fedstrata
