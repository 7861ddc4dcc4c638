#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/data/partition.hpp"
#include "common/model/layer_table.hpp"
#include "common/store/records.hpp"
#include "server/engine/evaluation_tree.hpp"
#include "server/plan/curve.hpp"
#include "server/plan/model_spec.hpp"
#include "server/plan/pairs.hpp"

namespace fedstrata {

/// Samples on which points are evaluated.
struct SampleSet {
  std::string name;   ///< column `split`: train, test, union, client
  bool test = false;  ///< of the test set
  std::int64_t count = 0;
  std::vector<std::int64_t> indices;  ///< which samples; empty: the first `count`
};

/// Curves that are evaluated together, so that they share work, on each of some sample sets.
struct Group {
  std::vector<std::size_t> sets;  ///< indices of sample sets
  PointSet points;
  std::vector<Curve> curves;
};

/// Two models whose rows are compared: indices of specs and what to call them.
struct Comparison {
  int a = 0;
  int b = 0;
  std::int64_t id_a = 0;
  std::int64_t id_b = 0;
  bool listed =
      true;  ///< a row of the geometry table? (Otherwise only the spread or a plane asks.)
};

/// A model whose units are permuted to match a client's: index of its spec, and the pair.
struct Alignment {
  int model = 0;
  std::int64_t id_a = 0;
  std::int64_t id_b = 0;
};

/// What one round's analysis computes. Plain data, the same on every rank.
struct RoundPlan {
  std::int64_t round = 0;
  std::int64_t round_b = 0;  ///< of the partners
  std::string other_run;     ///< of the partners; "" = this run
  bool elsewhere = false;    ///< are the partners of another round or run?
  std::vector<std::int64_t> participants;
  std::vector<SkippedRecord> skipped;
  std::vector<ModelSpec> models;
  std::vector<SampleSet> sets;
  std::vector<Group> groups;
  std::vector<Comparison> comparisons;
  std::vector<Alignment> alignments;
  std::int64_t chunk = 0;  ///< samples in a unit of work, a multiple of the batch size
};

/// What a plan is made from. References must outlive the call.
struct PlanInput {
  AnalysisConfig const& config;
  LayerTable const& table;
  Partition const& partition;  ///< whose samples are whose, for split = union and client:C
  std::uint64_t seed = 0;
  std::int64_t round = 0;
  std::vector<std::int64_t> participants;   ///< ids, ascending
  std::vector<std::int64_t> partners = {};  ///< in the other round or run, if any: ids, ascending
  std::string other_run = {};
  std::int64_t train_count = 0;
  std::int64_t test_count = 0;
};

}  // namespace fedstrata
