#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/client_host.hpp"
#include "common/exact_sum.hpp"
#include "common/experiment.hpp"
#include "common/mpi.hpp"
#include "experiments/progress.hpp"
#include "server/analyst.hpp"
#include "server/coordinator.hpp"

namespace fedstrata {

/// What a rank of a run works with. Everything must outlive the simulation.
struct RankContext {
  Experiment const* experiment = nullptr;
  Layout const* layout = nullptr;
  Device const* device = nullptr;
  Batches const* train = nullptr;
  Batches const* test = nullptr;
  RunDirectory* run = nullptr;  ///< null on client ranks
  mpi::Comm const* world = nullptr;
};

/// All rounds of a run, on one rank: the roles it has, wired to each other. Messages carry all data
/// between roles, also where one rank has several.
class Simulation {
 public:
  /// Collective over the world.
  explicit Simulation(RankContext context);
  /// Collective: all rounds, then the analysis to its end.
  void run();
  /// Hash of the final global model row (rank 0).
  std::uint64_t global_hash() const;
  TimeShares times() const { return times_; }

 private:
  void initialise();
  void round(std::int64_t round);
  void collect(std::int64_t round, RoundParts const& parts, RoundTimes times);
  void commit(std::int64_t round, std::vector<std::int64_t> const& excluded);
  void write_metrics(std::int64_t round);
  void drain_analysis(bool to_the_end);
  void send_report(RoundReport const& report);
  std::vector<std::int64_t> excluded_ids();
  bool coordinates() const { return context_.world->rank() == 0; }

  RankContext context_;
  std::optional<mpi::Comm> training_;  ///< coordinator and client ranks
  std::optional<mpi::Comm> analysis_;  ///< analysis ranks
  std::unique_ptr<Analyst> analyst_;
  std::unique_ptr<ClientHost> host_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<Progress> progress_;
  std::function<void()> idle_;  ///< what a waiting rank does meanwhile
  Outbox rows_, messages_;
  ExactSum sum_;
  std::vector<float> global_;  ///< state row, on coordinator and client ranks
  TimeShares times_;
};

}  // namespace fedstrata
