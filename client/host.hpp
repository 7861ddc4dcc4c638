#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "client/clients_trainer.hpp"
#include "client/trainer.hpp"
#include "common/base/stopwatch.hpp"
#include "common/data/evaluate.hpp"
#include "common/federation/exact_sum.hpp"
#include "common/federation/experiment.hpp"
#include "common/federation/messages.hpp"

namespace fedstrata {

/// Where a client rank leaves the rows that are to be written: header and model row [P + Q].
using RowSink = std::function<void(RowHeader const&, std::span<float const>)>;

/// What a ClientHost works with; all that is pointed to must outlive it.
struct ClientHostInput {
  Experiment const* experiment = nullptr;
  Device const* device = nullptr;
  Samples const* train = nullptr;
  Samples const* test = nullptr;
  std::vector<std::int64_t> clients;  ///< ids hosted here, ascending
  int rank = 0;                       ///< index among the client ranks
  int ranks = 1;                      ///< client ranks, which share evaluating the global model
  RowSink sink;
  /// Called between steps of training and batches of evaluation; may be empty.
  std::function<void()> poll = {};
};

/// The clients of one rank. Trains them one after another on one state row, or several at once on a
/// row each (run.clients_at_once); keeps of each client
/// only what is not averaged in every round, so memory grows with that, not with the clients. Where
/// nothing is kept, every round's participants are dealt among the ranks anew. In
/// rounds with evaluation the rows of the round's participants are kept until it is over.
class ClientHost {
 public:
  explicit ClientHost(ClientHostInput input);

  /// Adds every hosted client's initial state, by its weight, to a sum over all clients.
  void add_initial(ExactSum& sum);
  /// The first global state [state size]; writes round 0's rows where wanted.
  void start(std::span<float const> global);
  /// The global state after `round`, from which an interrupted run goes on; `read_own` fills the
  /// row that a client keeps.
  void resume(std::int64_t round, std::span<float const> global,
              std::function<void(std::int64_t client, std::span<float>)> const& read_own);
  /// Hands over what each hosted client keeps after `round`.
  void save(std::int64_t round);

  /// Local training of the round's participants; adds them to `sum`. Ids left out because they
  /// diverged are returned; throws Error naming client, round and layer when that is to stop the
  /// run. Returns nothing when the round was given up, since the run is to stop and the forecast of
  /// the training left exceeds run.grace: nothing that was trained since the last round's end may
  /// be used then.
  std::optional<std::vector<std::int64_t>> train(std::int64_t round, ExactSum& sum);

  /// How far the layers of `parts.distant_layers` of each participant that was trained here are
  /// from `mean`, [participants][layers]; zero for those of other ranks and those that diverged.
  std::vector<double> distances(std::int64_t round, RoundParts const& parts,
                                std::span<float const> mean);

  /// Gives all clients what the averaged layers became (`mean`, packed as `parts.parts`), and
  /// evaluates.
  RoundReport finish(std::int64_t round, RoundParts const& parts, std::span<float const> mean);

  /// Evaluates the global model's share of this rank for round 0.
  RoundReport report_initial();

 private:
  /// A participant of this round, as trained.
  struct Trained {
    ClientRecord record;
    at::Tensor state;        ///< kept where it is compared or evaluated once more
    bool evaluated = false;  ///< on the test set
  };

  std::int64_t most_here() const;
  void load(std::int64_t client, std::int64_t round, at::Tensor const& state);
  void store(std::int64_t client);
  bool too_long(double share, double seconds) const;
  void count_steps(std::int64_t round);
  std::vector<bool> trained_here(std::vector<std::int64_t> const& participants) const;
  int diverged_layer(std::span<float const> row, double loss, ExactSum& sum,
                     std::span<double const> weights) const;
  bool train_one(std::int64_t client, std::int64_t round, std::span<double const> weights,
                 ExactSum& sum, std::function<bool()> const& go_on);
  bool train_together(std::span<std::int64_t const> clients, std::int64_t round,
                      std::vector<std::vector<double>> const& weights, ExactSum& sum,
                      std::function<bool()> const& go_on);
  void add_trained(std::int64_t client, std::int64_t round, std::span<double const> weights,
                   ExactSum& sum, TrainResult const& result, Stopwatch const& watch, double share);
  std::vector<std::vector<std::size_t>> groups(std::vector<std::int64_t> const& participants,
                                               std::vector<bool> const& here);
  void apply(RoundParts const& parts, at::Tensor const& mean);
  void compare(RoundParts const& parts, std::span<float const> mean, RoundReport& report);
  void evaluate_after(PackedParts const& due, at::Tensor const& mean);
  std::vector<TestBatch> evaluate_global();
  void evaluate_own(ClientRecord& record, bool before);
  void emit(std::int64_t round, std::int64_t client, RowUse use, std::span<float const> row);
  at::Tensor initial(std::int64_t client) const;

  Experiment const* experiment_;
  Device const* device_;
  Samples const* test_;
  std::vector<std::int64_t> clients_;
  int rank_, ranks_;
  RowSink sink_;
  std::function<void()> poll_;
  StateLayout layout_;
  PackedParts own_parts_;
  at::Tensor state_, global_;  ///< [state size] on the device
  Trainer trainer_;
  std::int64_t at_once_;  ///< most clients that are trained together
  at::Tensor states_;     ///< [at_once_, state size] on the device, where that is more than one
  std::optional<ClientsTrainer> together_;
  Weights weights_, global_weights_;
  std::vector<std::int64_t> test_counts_;  ///< [classes] test samples per class
  at::Tensor staging_;
  std::map<std::int64_t, at::Tensor> own_;           ///< packed own_parts_ of each client
  std::map<std::int64_t, std::int64_t> steps_done_;  ///< of every client, wherever trained
  std::vector<std::int64_t> evaluated_;              ///< ids, ascending, of this round
  bool keeps_trained_ = false;                       ///< are this round's models looked at again?
  std::vector<Trained> trained_;                     ///< this round's participants
  TimeShares times_;
};

}  // namespace fedstrata
