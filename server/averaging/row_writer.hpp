#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/federation/experiment.hpp"
#include "common/federation/messages.hpp"
#include "common/store/run_writer.hpp"

namespace fedstrata {

/// Writes the rows of this rank's shard (clients c with c mod shards = shard) as they arrive, and
/// makes a round's files visible once its last row and the coordinator's commit are there. Rounds
/// that are on disk already are not written again. A state becomes visible after the rows of all
/// rounds before it, so that a run that goes on from it lacks nothing.
class RowWriter {
 public:
  /// `complete` is called with each round whose shard is on disk, and the ids that diverged.
  RowWriter(Experiment const& experiment, RunWriter& run, int shard, int shards,
            std::function<void(std::int64_t, std::vector<std::int64_t> const&)> complete);
  ~RowWriter();

  void row(RowHeader const& header, std::span<float const> values);
  void commit(Commit commit);
  /// Has the end come, and is everything on disk?
  bool finished() const { return ended_ && open_.empty() && states_.empty(); }
  double seconds() const { return seconds_; }

 private:
  struct Round;
  struct State;
  Round& at(std::int64_t round);
  State& state(std::int64_t round);
  void finish_if_complete(std::int64_t round);
  void finish_states();
  void write_coordinators(RowFileWriter& writer, std::span<float const> rows) const;

  Experiment const* experiment_;
  RunWriter* run_;
  int shard_, shards_;
  std::function<void(std::int64_t, std::vector<std::int64_t> const&)> complete_;
  std::vector<std::int64_t> stored_, pending_;  ///< rounds on disk from the start, ascending
  std::map<std::int64_t, std::unique_ptr<Round>> open_;
  std::map<std::int64_t, std::unique_ptr<State>> states_;
  bool ended_ = false;
  double seconds_ = 0.0;
};

}  // namespace fedstrata
