#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/host.hpp"
#include "common/base/stopwatch.hpp"
#include "common/federation/exact_sum.hpp"
#include "common/federation/experiment.hpp"
#include "common/federation/liveness.hpp"
#include "common/mpi/comm.hpp"
#include "experiments/run/progress.hpp"
#include "server/analysis/analyst.hpp"
#include "server/averaging/coordinator.hpp"

namespace fedstrata {

/// What a rank of a run works with. Everything must outlive the simulation.
struct RankContext {
  Experiment const* experiment = nullptr;
  Layout const* layout = nullptr;
  Device const* device = nullptr;
  Samples const* train = nullptr;
  Samples const* test = nullptr;
  RunWriter* run = nullptr;  ///< null on client ranks
  mpi::Comm const* world = nullptr;
  Liveness* liveness = nullptr;
  std::string analysis = "insitu";                ///< name of the analysis during the run
  std::optional<std::int64_t> resume_round = {};  ///< go on after this round; nothing: begin
  std::filesystem::path resume_directory = {};    ///< where its state lies
};

/// All rounds of a run, on one rank: the roles it has, wired to each other. Messages carry all data
/// between roles, also where one rank has several.
class Simulation {
 public:
  /// Collective over the world.
  explicit Simulation(RankContext context);
  /// Collective: all rounds, then the analysis to its end. Returns true if that is done; false
  /// if the run was asked to stop before, and can be resumed.
  bool run();
  /// The last round that was trained and saved.
  std::int64_t last_round() const { return last_round_; }
  /// Hash of the final global model row (rank 0).
  std::uint64_t global_hash() const;
  TimeShares times() const { return times_; }

 private:
  /// What the coordinator decides at the end of a round, for all.
  struct Decision {
    bool save = false;      ///< the state after it
    bool stop = false;      ///< no further round
    bool given_up = false;  ///< a rank ended its training early: the round does not count
  };

  void initialise();
  void resume(std::int64_t round);
  bool round(std::int64_t round);
  Decision decide(std::int64_t round);
  void save(std::int64_t round);
  void announce(Commit::What what, std::int64_t round);
  void end_training(bool trained);
  void collect(std::int64_t round, RoundParts const& parts, RoundTimes times);
  void commit(std::int64_t round, std::vector<std::int64_t> const& excluded);
  void write_metrics(std::int64_t round, bool saves);
  void drain_analysis(bool to_the_end);
  std::vector<std::int64_t> excluded_ids();
  bool coordinates() const { return context_.world->rank() == 0; }

  RankContext context_;
  std::optional<mpi::Comm> training_;  ///< coordinator and client ranks
  std::optional<mpi::Comm> analysis_;  ///< analysis ranks
  std::unique_ptr<Analyst> analyst_;
  std::unique_ptr<ClientHost> host_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Progress> progress_;
  Outbox rows_, messages_;
  ExactSum sum_;
  std::vector<float> global_;  ///< state row, on coordinator and client ranks
  TimeShares times_;
  Stopwatch since_state_;       ///< rank 0: since the last resume state
  double longest_round_ = 0.0;  ///< rank 0: seconds
  bool given_up_ = false;       ///< rank 0: did a rank give the round up?
  std::int64_t last_round_ = 0, saved_round_ = 0;
};

}  // namespace fedstrata
