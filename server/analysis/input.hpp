#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/data/samples.hpp"
#include "common/federation/experiment.hpp"
#include "common/store/run_writer.hpp"
#include "server/analysis/journal.hpp"

namespace fedstrata {

/// A round whose rows are on disk.
struct RoundJob {
  std::int64_t round = 0;
  std::vector<std::int64_t> clients = {};     ///< participants that did not diverge, ascending
  std::vector<std::int64_t> diverged = {};    ///< those that did
  std::vector<std::int64_t> partners = {};    ///< clients of the other round or run, ascending
  std::vector<std::int64_t> trajectory = {};  ///< rounds that store all participants, ascending
};

/// What an analysis reads. Everything must outlive the pool.
struct AnalysisInput {
  Experiment const* experiment = nullptr;  ///< its config's [analysis] is what is computed
  RunWriter* run = nullptr;
  Device const* device = nullptr;
  Samples const* train = nullptr;
  Samples const* test = nullptr;
  std::string name;                    ///< of the analysis in the run
  Run const* other = nullptr;          ///< whose clients are the partners; null: the run's own
  std::string other_run = {};          ///< its path, as given
  AnalysisJournal* journal = nullptr;  ///< leader: where finished units go; may be null
};

}  // namespace fedstrata
