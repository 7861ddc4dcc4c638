#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/store/run.hpp"

namespace fedstrata {

// What `fedstrata inspect` tells of a run, for people and, as JSON, for scripts.

struct AnalysisFacts {
  std::string name;
  std::vector<std::int64_t> rounds;  ///< with results, ascending
  std::int64_t curves = 0;
  std::int64_t plane_points = 0;  ///< models evaluated on planes through three clients' models
  std::int64_t skipped = 0;       ///< pairs
};

struct FileFacts {
  std::int64_t count = 0;
  std::int64_t bytes = 0;
};

struct SizeFacts {
  std::map<std::int64_t, std::int64_t> checkpoints;  ///< bytes by round
  std::map<std::string, FileFacts> kinds;            ///< by folder, or name of a single file
  std::int64_t bytes = 0;                            ///< of all files that the index names
};

/// "complete", "running" or "incomplete".
std::string run_state(Run const& run);
/// By name.
std::vector<AnalysisFacts> analysis_facts(Run const& run);
SizeFacts size_facts(Run const& run);
/// Of the packed file `file`, which `run` was made of.
SizeFacts size_facts(Run const& run, std::filesystem::path const& file);
/// Rounds with a test result.
std::vector<RoundRecord> evaluated(std::vector<RoundRecord> rounds);

/// What is looked at: the run, where it is (a directory or a packed file), and sizes there.
struct Inspected {
  Run run;
  std::string path;
  std::string models_of;  ///< where the models are, if elsewhere
  SizeFacts sizes;
};

/// For people.
std::string run_text(Inspected const& inspected);
/// One object, whose members docs/commands.md lists, on one line.
std::string run_json(Inspected const& inspected);

}  // namespace fedstrata
