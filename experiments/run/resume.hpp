#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/store/run_writer.hpp"

namespace fedstrata {

/// What `simulate` was asked to start or to go on with.
struct StartRequest {
  std::string target;            ///< config file or, with resume, the directory of a run
  std::string out;               ///< directory of the run; "" = from the target
  std::vector<std::string> set;  ///< "section.key=value"
  bool resume = false;
  bool allow_config_change = false;
};

/// What `simulate` is to do, as its command line and what lies in the directory say.
struct Start {
  std::filesystem::path directory;
  Config config;
  std::optional<RunHeader> stored;  ///< of the run to be gone on with; nothing: a new one
  bool complete = false;            ///< nothing is left to be done
};

/// Reads the config and, with --resume, the run. Throws InputError: config, a run that cannot be
/// read, settings other than those it was started with (listed, and what to do about them).
Start prepare_start(StartRequest const& asked);

/// Throws InputError when data and shares are not those that the run was started with; warns when
/// another kind of processor or build may give other bits.
void check_continues(RunHeader const& stored, DatasetView const& data, Partition const& partition,
                     ProvenanceRecord const& start);

/// The analysis during the run that has the config's settings: "insitu", or the first of
/// "insitu-2", ... that has them or does not exist. Rows that wait for one of other settings are
/// removed.
std::string continued_analysis(RunWriter& run, Config const& config);

}  // namespace fedstrata
