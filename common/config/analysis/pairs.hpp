#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace fedstrata {

/// Two models that are compared: alpha = 0 is a, alpha = 1 is b. Where the partner is of another
/// round or run, b is a client there.
struct Pair {
  std::int64_t a = 0;
  std::int64_t b = 0;  ///< a client, or an id of server/plan/pairs.hpp that stands for more
  auto operator<=>(Pair const&) const = default;
};

/// Which models are compared (`analysis.pairs`).
struct PairSelection {
  enum class Kind {
    all,      ///< every two participants; with `against` every one with every client there
    ring,     ///< each participant with the next by id, the last with the first (if more than 2)
    random,   ///< `count` distinct pairs of `all`, drawn anew each round
    listed,   ///< the pairs of `listed`
    clients,  ///< no pairs: all participants against their weighted mean, at once
    mean,     ///< each participant with the participants' weighted mean
    initial,  ///< each participant with its initialisation
    round,    ///< each participant with itself in round `count`
    same      ///< each participant with itself in the run `against`
  } kind = Kind::all;
  std::string text = "all";  ///< as given
  std::int64_t count = 0;    ///< random: pairs; round: the round
  std::vector<Pair> listed;  ///< without repeats, as given otherwise
};

/// Reads all | ring | random:K | A-B,... | clients | mean | initial | round:R | same. Throws
/// InputError when malformed.
PairSelection parse_pairs(std::string const& text);

/// Throws InputError, which begins with `source`, for listed pairs with a client that is not in
/// 0 .. clients-1, or of a client with itself.
void check_listed_pairs(PairSelection const& selection, std::int64_t clients,
                        std::string const& source = "");

/// Throws InputError for what does not fit: listed pairs as above, or partners that do not exist.
/// `against`: the partners are clients of another run, 0 .. partners-1; only all, random, listed
/// and same have partners there.
void check_pairs(PairSelection const& selection, std::int64_t clients, bool against = false,
                 std::int64_t partners = 0);

}  // namespace fedstrata
