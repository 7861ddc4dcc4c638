#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/experiment.hpp"
#include "common/protocol.hpp"
#include "common/run_directory.hpp"

namespace fedstrata {

/// What the coordinator tells the writers when a round's average is done, beside the global row.
struct Commit {
  std::int64_t round = 0;
  std::vector<std::int64_t> excluded;
  std::vector<float> global;  ///< model row [P + Q]

  Message pack() const;
  static Commit unpack(Message message);
};

/// Writes the rows of this rank's shard (clients c with c mod shards = shard) as they arrive, and
/// makes a round's files visible once its last row and the coordinator's commit are there.
class RowWriter {
 public:
  /// `complete` is called with each round whose shard is on disk, and the ids that diverged.
  RowWriter(Experiment const& experiment, RunDirectory& run, int shard, int shards,
            std::function<void(std::int64_t, std::vector<std::int64_t> const&)> complete);
  ~RowWriter();

  void row(RowHeader const& header, std::span<float const> values);
  void commit(Commit commit);
  /// Rounds begun or still to come?
  bool finished() const { return remaining_ == 0; }
  double seconds() const { return seconds_; }

 private:
  struct Round;
  Round& at(std::int64_t round);
  void finish_if_complete(std::int64_t round);

  Experiment const* experiment_;
  RunDirectory* run_;
  int shard_, shards_;
  std::function<void(std::int64_t, std::vector<std::int64_t> const&)> complete_;
  std::map<std::int64_t, std::unique_ptr<Round>> open_;
  std::int64_t remaining_ = 0;
  double seconds_ = 0.0;
};

}  // namespace fedstrata
