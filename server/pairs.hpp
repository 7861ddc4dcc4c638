#pragma once
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/records.hpp"

namespace fedstrata {

/// Two clients whose models are compared: alpha = 0 is a, alpha = 1 is b.
struct Pair {
  std::int64_t a = 0;
  std::int64_t b = 0;
  auto operator<=>(Pair const&) const = default;
};

/// What `analysis.pairs` asks for.
struct PairSelection {
  enum class Kind {
    all,      ///< every two participants of the round
    ring,     ///< each participant with the next by id, the last with the first (if more than 2)
    random,   ///< `count` distinct pairs of participants, drawn anew each round
    listed,   ///< the pairs of `listed`
    clients,  ///< no pairs: all participants against their weighted mean, at once
  } kind = Kind::all;
  std::int64_t count = 0;
  std::vector<Pair> listed;
};

/// Reads all | ring | random:K | A-B,... | clients. Throws InputError when malformed, when a client
/// is not in 0 .. clients-1 or is paired with itself.
PairSelection parse_pairs(std::string const& text, std::int64_t clients);

/// The pairs of a round, ascending (listed ones as listed, without repeats and without those of
/// clients that did not take part). `participants` ascending. Pure: the same on every rank.
std::vector<Pair> select_pairs(PairSelection const& selection,
                               std::span<std::int64_t const> participants, std::uint64_t seed,
                               std::int64_t round);

/// The pairs asked for that select_pairs() leaves out, with the reason.
std::vector<SkippedRecord> skipped_pairs(PairSelection const& selection,
                                         std::span<std::int64_t const> participants,
                                         std::int64_t round);

}  // namespace fedstrata
