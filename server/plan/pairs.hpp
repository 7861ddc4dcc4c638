#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/config/analysis/pairs.hpp"
#include "common/store/partners.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

/// The pairs of a round, ascending (listed ones as listed, without those of clients that did not
/// take part). `participants` ascending; `partners`, where they are of another round or run: the
/// clients there, ascending. Pure: the same on every rank.
std::vector<Pair> select_pairs(PairSelection const& selection,
                               std::span<std::int64_t const> participants, std::uint64_t seed,
                               std::int64_t round,
                               std::optional<std::span<std::int64_t const>> partners = {});

/// The pairs asked for that select_pairs() leaves out, with the reason.
std::vector<SkippedRecord> skipped_pairs(
    PairSelection const& selection, std::span<std::int64_t const> participants, std::int64_t round,
    std::optional<std::span<std::int64_t const>> partners = {});

}  // namespace fedstrata
