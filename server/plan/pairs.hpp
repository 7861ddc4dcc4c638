#pragma once
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/store/partners.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

/// Two models that are compared: alpha = 0 is a, alpha = 1 is b. Where the partner is of another
/// round or run (PairSelection), b is a client there.
struct Pair {
  std::int64_t a = 0;
  std::int64_t b = 0;  ///< a client, kMean, or kInitialisation (a's)
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
    mean,     ///< each participant with the participants' weighted mean
    initial,  ///< each participant with its initialisation
    same      ///< each participant with itself elsewhere: in round `count`, or in the other run
  } kind = Kind::all;
  std::int64_t count = 0;
  bool elsewhere = false;  ///< is b of another round or run?
  std::vector<Pair> listed;
};

/// Reads all | ring | random:K | A-B,... | clients | mean | initial | round:R | same. With
/// `against` the partners are clients of another run: all (every client with every one of the other
/// run), random:K, A-B,... or same. Throws InputError when malformed, when a client is not in 0 ..
/// clients-1 (b: 0 .. partners-1) or is paired with itself.
PairSelection parse_pairs(std::string const& text, std::int64_t clients, bool against = false,
                          std::int64_t partners = 0);

/// The pairs of a round, ascending (listed ones as listed, without repeats and without those of
/// clients that did not take part). `participants` ascending; `partners`: clients there are on the
/// other side of a selection with `elsewhere`, ascending. Pure: the same on every rank.
std::vector<Pair> select_pairs(PairSelection const& selection,
                               std::span<std::int64_t const> participants, std::uint64_t seed,
                               std::int64_t round, std::span<std::int64_t const> partners = {});

/// The pairs asked for that select_pairs() leaves out, with the reason.
std::vector<SkippedRecord> skipped_pairs(PairSelection const& selection,
                                         std::span<std::int64_t const> participants,
                                         std::int64_t round,
                                         std::span<std::int64_t const> partners = {});

}  // namespace fedstrata
