#pragma once
#include <memory>
#include <optional>
#include <string>

#include "server/plan/barrier_kind.hpp"

namespace fedstrata {

// The kinds of barrier. To add one: a file in this folder that defines its function, declared and
// listed here. What kinds share lies in server/plan.

/// A kind as written in `analysis.kinds`, taken apart at its first colon.
struct KindText {
  std::string text;
  std::optional<std::string> argument;  ///< what follows the colon, if there is one
};

using KindFunction = BarrierKindPtr(KindText const&);
KindFunction make_full, make_layer, make_cumulative, make_window, make_group, make_complement,
    make_interaction, make_subset, make_random, make_subspace, make_plane, make_simplex;

struct KindEntry {
  /// How it is written: a name alone, or with an argument, NAME:ARGUMENT or NAME[:ARGUMENT].
  char const* form;
  KindFunction* make;
};

/// In the order of the help.
inline constexpr KindEntry kKinds[] = {
    {"full", make_full},
    {"layer", make_layer},
    {"cumulative-shallow", make_cumulative},
    {"cumulative-deep", make_cumulative},
    {"cumulative-random", make_cumulative},
    {"cumulative-minimal", make_cumulative},
    {"window:K", make_window},
    {"group:NAME=SELECTOR+SELECTOR...", make_group},
    {"complement", make_complement},
    {"interaction", make_interaction},
    {"subset[:DRAWS]", make_subset},
    {"random[:DRAWS]", make_random},
    {"subspace[:DRAWS]", make_subspace},
    {"plane:A-B-C[:LAYER]", make_plane},
    {"simplex[:DRAWS]", make_simplex},
};

/// Says what is wrong with the text of a kind, and what is allowed.
std::string kind_problem(std::string const& problem);

/// A number in `kind` from `least` to `most`. Throws InputError.
std::int64_t kind_number(std::string const& number, KindText const& kind, std::int64_t least,
                         std::int64_t most);

/// The argument DRAWS: how often a kind is drawn, 5 times unless told otherwise. Throws InputError.
std::int64_t kind_draws(KindText const& kind);

}  // namespace fedstrata
