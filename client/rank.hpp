#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/host.hpp"
#include "common/federation/layout.hpp"
#include "common/federation/messages.hpp"
#include "common/store/rows/resume_files.hpp"

namespace fedstrata {

/// A client rank's part in a run: the clients it hosts, and what it tells the coordinator and the
/// writers of them. After start() or resume(), train() and finish() are called for each round.
class ClientRank {
 public:
  /// `experiment`, `layout`, `world`, `device` and the data must outlive this.
  ClientRank(Experiment const& experiment, Layout const& layout, mpi::Comm const& world,
             Device const& device, Samples const& train, Samples const& test);

  /// As ClientHost.
  void add_initial(ExactSum& sum) { host_.add_initial(sum); }
  /// Round 0: begins with the global row, and reports.
  void start(std::span<float const> global);
  /// Goes on after the round of `state`, whose global row is `global`.
  void resume(ResumeState const& state, std::span<float const> global);

  /// Trains the round's participants, adds them to `sum` and tells the coordinator that it did.
  void train(std::int64_t round, ExactSum& sum);
  /// As ClientHost.
  std::vector<double> distances(std::int64_t round, RoundParts const& parts,
                                std::span<float const> mean) {
    return host_.distances(round, parts, mean);
  }
  /// Gives the clients what was averaged (packed over `parts`), evaluates and reports. `waited`:
  /// seconds since the end of the training.
  void finish(std::int64_t round, RoundParts const& parts, std::span<float const> mean,
              double waited);
  /// Sends the writers what the clients keep after `round`.
  void save(std::int64_t round) { host_.save(round); }

  /// Waits until the writers have all rows, and tells the coordinator.
  void end();
  /// Waits until all messages are received.
  void flush() { reports_.flush(); }

  /// Seconds: `train` and `evaluate`.
  TimeShares times() const { return times_; }

 private:
  Outbox rows_, reports_;
  ClientHost host_;
  TimeShares times_;
};

}  // namespace fedstrata
