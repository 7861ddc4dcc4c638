#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fedstrata {

/// Which stored rounds are analysed (`analysis.rounds`).
struct RoundSelection {
  enum class Kind {
    all,         ///< those from round 1 on
    last,        ///< the last one
    listed,      ///< those of `list`, each of which must be stored
    progression  ///< first, first + step, ... <= last, as far as they are stored
  } kind = Kind::all;
  std::string text = "all";        ///< as given
  std::vector<std::int64_t> list;  ///< listed
  std::int64_t first = 0;          ///< progression
  std::int64_t last = 0;
  std::int64_t step = 1;
};

/// Reads all | last | LIST | A:B[:STEP]. Throws InputError.
RoundSelection parse_rounds(std::string const& text);

/// Rounds to analyse, ascending, of the `stored` ones. Throws InputError when nothing is left or a
/// listed round is not stored.
std::vector<std::int64_t> select_rounds(RoundSelection const& selection,
                                        std::vector<std::int64_t> const& stored);

}  // namespace fedstrata
