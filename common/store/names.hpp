#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fedstrata {

/// Absolute, without "." and a slash at the end.
std::filesystem::path absolute_path(std::filesystem::path const& path);

/// Names of what lies in a run directory, relative to it.
struct RunNames {
  static constexpr char const* kIndex = "run.h5";
  static constexpr char const* kIndexSum = "run.h5.sum";
  static constexpr char const* kHeader = "header.h5";
  static constexpr char const* kModel = "model.pt";  ///< of runs whose model is a script
  static constexpr char const* kDone = "DONE";
  static constexpr char const* kModelsOf = "MODELS_OF";     ///< common/store/upkeep/linked_run.hpp
  static constexpr char const* kProgress = "progress.csv";  ///< experiments/view/run_progress.hpp
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
  static constexpr char const* kRemoved = "REMOVED";  ///< on its way out: no index names it
};

/// Is barriers/NAME being removed (RunNames::kRemoved)?
bool is_removed(std::filesystem::path const& analysis);

/// The header of the last start: header.h5, or header-GGGGGG.h5 of generation G.
std::string newest_header(std::filesystem::path const& directory);

/// Round as six digits (more when it needs them).
std::string round_text(std::int64_t round);

/// Which file of a set: shard s of `shards` of a round.
struct ShardName {
  std::int64_t round = 0;
  int shard = 0;
  int shards = 1;
};

/// "000010.h5", or "000010-0of2.h5" for a shard of several.
std::string shard_name(ShardName const& name, std::string const& extension);
/// The reverse; nothing for other names.
std::optional<ShardName> parse_shard_name(std::string const& name, std::string const& extension);

/// Names of the shards of sets that never became complete.
std::vector<std::string> incomplete_shards(std::vector<std::string> const& names,
                                           std::string const& extension);

/// Per round the names of the shards of a complete set, in order. When there are several sets of a
/// round, that of most shards.
std::map<std::int64_t, std::vector<std::string>> complete_shards(
    std::vector<std::string> const& names, std::string const& extension);

}  // namespace fedstrata
