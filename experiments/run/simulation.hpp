#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/rank.hpp"
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
  TimeShares times() const;

 private:
  /// What the layers of a round become, packed over its parts.
  struct Averaged {
    std::vector<float> values;
    double seconds = 0.0;  ///< without waiting for the ranks that train
  };

  void initialise();
  void resume(std::int64_t round);
  bool round(std::int64_t round);
  Averaged average(std::int64_t round, RoundParts const& parts);
  Decision decide(std::int64_t round);
  void rescale(std::int64_t round, RoundParts const& parts, std::span<float> packed);
  void save(std::int64_t round);
  void drain_analysis(bool to_the_end);
  void enter(std::string const& phase, std::int64_t round);

  RankContext context_;
  std::optional<mpi::Comm> training_;  ///< coordinator and client ranks
  std::optional<mpi::Comm> analysis_;  ///< analysis ranks
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<Analyst> analyst_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<ClientRank> clients_;
  ExactSum sum_;
  std::vector<float> global_;  ///< state row, on coordinator and client ranks
  TimeShares times_;           ///< of averaging
  std::int64_t last_round_ = 0;
};

}  // namespace fedstrata
