#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "common/data/evaluate.hpp"
#include "common/federation/experiment.hpp"
#include "common/federation/messages.hpp"
#include "common/store/tables.hpp"

namespace fedstrata {

/// Times of one round as rank 0 saw them, in seconds.
struct RoundTimes {
  double round = 0.0;
  double aggregate = 0.0;
};

/// A participant's metrics and, where it was compared with the mean, its distances.
struct Participant {
  ClientRecord record;
  ClientDistances const* distances = nullptr;
};

/// The global model on the test set; nothing where it was not evaluated.
using GlobalTest = std::optional<EvaluationSums>;

/// Makes the tables of /metrics of what the client ranks report.
class RoundMetrics {
 public:
  /// `test_counts` [classes]: test samples per class.
  RoundMetrics(Experiment const& experiment, std::vector<std::int64_t> test_counts);

  /// Turns the client ranks' reports into the round's metrics; the finished row is returned.
  RoundRecord record(std::int64_t round, RoundParts const& parts,
                     std::vector<RoundReport> const& reports, RoundTimes const& times);

  /// Metrics recorded since the last call.
  MetricsSegment take();

 private:
  void fill_global(RoundRecord& row, RoundParts const& parts, GlobalTest const& global,
                   std::vector<Participant>& all) const;
  void record_layers(std::int64_t round, RoundParts const& parts,
                     std::vector<Participant> const& all);
  void record_averaged(RoundRecord const& round, RoundParts const& parts);

  Experiment const* experiment_;
  std::vector<std::int64_t> test_counts_;
  MetricsSegment metrics_;
};

}  // namespace fedstrata
