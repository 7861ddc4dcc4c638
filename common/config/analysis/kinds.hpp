#pragma once
#include <memory>
#include <string>
#include <vector>

namespace fedstrata {

struct AnalysisConfig;
struct Config;

// Kinds of barrier, as far as the configuration needs to know them: it holds them, prints them and
// has them checked. What they are is defined in server/plan/kinds, a file a kind, and so are the
// functions below (server/plan/kinds/kinds.cpp); docs/architecture.md says why.

/// One of `analysis.kinds` (server/plan/barrier_kind.hpp).
class BarrierKind;
using BarrierKindPtr = std::shared_ptr<BarrierKind const>;

/// Labels, in column `kind`, of the two kinds that every summary of a run shows: all layers
/// together, and each layer alone.
inline constexpr char const* kFullKind = "full";
inline constexpr char const* kLayerKind = "layer";

/// The kinds that are computed (`analysis.kinds`).
struct KindSelection {
  std::string text;                   ///< as given, without blanks
  std::vector<BarrierKindPtr> kinds;  ///< at least one, no two of the same text
};

/// Reads kinds joined by commas. Throws InputError that says what is allowed.
KindSelection parse_kinds(std::string const& text);

/// What parse_kinds() takes, in words.
std::string kinds_allowed();

/// Throws InputError, which begins with `source`, where a kind does not fit the other settings.
void check_kinds(Config const& config, std::string const& source);

/// Throws InputError, which begins with `source`, where a kind needs pairs of models and
/// analysis.pairs gives none. Asked of new analyses only: 0.1.0 took such settings, and its runs are
/// to be read.
void check_pairs_of_kinds(AnalysisConfig const& config, std::string const& source);

}  // namespace fedstrata
