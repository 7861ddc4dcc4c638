#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/config.hpp"
#include "common/layer_table.hpp"
#include "common/records.hpp"
#include "server/pairs.hpp"

namespace fedstrata {

/// Ids that stand for more than a client in columns a, b and rest.
inline constexpr std::int64_t kNobody = -1;
inline constexpr std::int64_t kMean = -2;  ///< weighted mean of the round's participants
inline constexpr std::int64_t kInitialisation = -3;

/// Samples of a split in batches per unit of work. A constant, so that the order of sums is too.
inline constexpr std::int64_t kChunkBatches = 16;

enum class Split { train, test };
inline constexpr std::array<Split, 2> kSplits = {Split::train, Split::test};

/// Samples first .. first + count - 1 of a split.
struct SampleRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// The layer paths of a base towards a partner; `reversed`: the base is the pair's b (alpha = 1).
struct Partner {
  std::int64_t client = 0;
  bool reversed = false;
};

/// A piece of a round's analysis that one rank computes at a time.
struct Unit {
  enum class Kind {
    sweep,    ///< model a: its end point and its layer paths to the partners, over `samples`
    full,     ///< interior points of the line from a to b, over `samples`
    geometry  ///< products of the rows a and b, per layer
  } kind = Kind::sweep;
  Split split = Split::train;
  std::int64_t a = 0;
  std::int64_t b = kNobody;
  std::vector<Partner> partners;
  SampleRange samples;
  bool end_point = false;  ///< sweep: the base's own sums count (once per model and sample)
};

/// What one round's analysis computes. Plain data, the same on every rank.
struct RoundPlan {
  std::int64_t round = 0;
  std::vector<double> alphas;  ///< ascending, with 0, 1/2 and 1
  bool full = false;           ///< kinds asked for
  bool layer = false;
  bool clients = false;  ///< pairs = clients
  std::vector<std::int64_t> participants;
  std::vector<Pair> pairs;
  std::vector<SkippedRecord> skipped;
  std::array<std::int64_t, 2> samples{};  ///< evaluated, per split; 0 = split not asked for
  std::vector<Unit> units;

  /// Distances from the base, in (0, 1], that a sweep evaluates: those of all alphas but its own
  /// end, in the order of alphas; only 1 for pairs = clients.
  std::vector<double> steps(bool reversed) const;
  /// Alphas strictly between 0 and 1.
  std::vector<double> interior() const;
  /// Length of the result of a unit.
  std::size_t values(Unit const& unit, std::size_t layers) const;
};

/// `alphas`: ascending, with 0, 1/2 and 1; `participants`: ids, ascending; counts: samples of the
/// splits. Partners of a base share a sweep as far as their rows fit in analysis.memory. Throws
/// InputError for an unknown kind.
RoundPlan plan_round(AnalysisConfig const& config, std::vector<double> alphas,
                     LayerTable const& table, PairSelection const& selection, std::uint64_t seed,
                     std::int64_t round, std::vector<std::int64_t> participants,
                     std::int64_t train_count, std::int64_t test_count);

}  // namespace fedstrata
