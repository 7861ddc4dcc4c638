#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "common/base/stopwatch.hpp"
#include "common/federation/experiment.hpp"
#include "common/federation/layout.hpp"
#include "common/federation/messages.hpp"
#include "common/store/records.hpp"
#include "experiments/view/run_progress.hpp"

namespace fedstrata {

/// What rank 0 tells people while a run goes on: a line on the terminal (one that updates, or one
/// now and then when the output is not a terminal) and a row a round in progress.csv.
class Progress {
 public:
  /// `resume_round`: the last round of an interrupted run; later rows of progress.csv are cut off.
  Progress(Experiment const& experiment, std::filesystem::path const& directory,
           std::optional<std::int64_t> resume_round);
  void round(RoundRecord const& record);
  void training_done();

 private:
  std::string line(RoundRecord const& record) const;

  std::int64_t rounds_;
  bool terminal_;
  std::int64_t first_;
  double seconds_before_ = 0.0;
  std::ofstream csv_;
  Stopwatch since_start_;
  double last_line_ = -1e9;   ///< seconds since the start
  std::int64_t updates_ = 0;  ///< clients trained
  TestResult test_;           ///< the last ones measured
};

/// The table of where the time of each rank went, with a line per role. Pure.
std::string time_table(Layout const& layout, std::vector<TimeShares> const& ranks, double wall);

}  // namespace fedstrata
