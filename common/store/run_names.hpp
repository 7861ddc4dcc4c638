#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace fedstrata {

/// Names of what lies in a run directory, relative to it.
struct RunNames {
  static constexpr char const* kIndex = "run.h5";
  static constexpr char const* kIndexSum = "run.h5.sum";
  static constexpr char const* kHeader = "header.h5";
  static constexpr char const* kModel = "model.pt";  ///< of runs whose model is a script
  static constexpr char const* kDone = "DONE";
  static constexpr char const* kMetrics = "metrics";
  static constexpr char const* kCheckpoints = "checkpoints";
  static constexpr char const* kBarriers = "barriers";
  static constexpr char const* kState = "state";
  static constexpr char const* kPending = "state/pending";
  static constexpr char const* kResume = "state/resume";
  static constexpr char const* kIndexLock = "state/index.lock";
  static constexpr char const* kSimulation = "state/simulation";
  /// Of an analysis, in barriers/NAME.
  static constexpr char const* kAnalysisConfig = "config.ini";
};

/// The header of the last start: header.h5, or header-GGGGGG.h5 of generation G.
std::string newest_header(std::filesystem::path const& directory);

/// Round as six digits (more when it needs them).
std::string round_text(std::int64_t round);

}  // namespace fedstrata
