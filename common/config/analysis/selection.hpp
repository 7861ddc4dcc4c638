#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fedstrata {

// Values of [analysis] that several parts read: which alphas, which stored rounds.

/// Interpolation coefficients: an integer n > 1 gives n of them, evenly spaced and including both
/// ends; anything else is a list of numbers in [0, 1]. 0, 1/2 and 1 are always added. Ascending,
/// without repetition. Throws InputError.
std::vector<double> parse_alphas(std::string const& text);

/// The tolerance of search[:TOLERANCE], whose grid parse_alphas() gives; 0 when `text` is none.
/// Throws InputError.
double search_tolerance(std::string const& text);

/// Throws InputError unless `spec` is all, last, a list of rounds or A:B[:STEP].
void check_rounds(std::string const& spec);

/// Rounds to analyse, ascending, of the `stored` ones: all (from round 1 on), last, a list (each
/// must be stored) or those of A, A + STEP, ... <= B that are stored. Throws InputError when
/// nothing is left.
std::vector<std::int64_t> select_rounds(std::string const& spec,
                                        std::vector<std::int64_t> const& stored);

}  // namespace fedstrata
