#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/data/dataset.hpp"
#include "common/data/partition.hpp"
#include "common/federation/evaluation_plan.hpp"
#include "common/federation/layout.hpp"
#include "common/federation/mean_weights.hpp"
#include "common/federation/schedule.hpp"
#include "common/model/model.hpp"
#include "common/model/state_layout.hpp"
#include "common/tasks/task.hpp"

namespace fedstrata {

/// Which rows of a round are written, and why.
struct WantedRows {
  bool keep = false;         ///< the round is a checkpoint
  bool keep_before = false;  ///< ... with the clients' rows from before averaging
  bool keep_after = false;
  bool analyse = false;  ///< in-situ analysis looks at this round
  RowsAt analyse_at = RowsAt::before;

  bool any() const { return keep || analyse; }
  bool before() const { return keep_before || (analyse && analyse_at == RowsAt::before); }
  bool after() const { return keep_after || (analyse && analyse_at == RowsAt::after); }
};

/// What is reduced in a round: the parts of the layers averaged in it and, where clients are
/// compared with their mean, those of all other layers, whose mean is only looked at, and once more
/// those whose mean an update changes.
struct RoundParts {
  std::vector<int> due_layers;
  PackedParts parts;  ///< the first `due` are averaged, the rest observed
  std::size_t due = 0;
  bool all_averaged = false;  ///< is every layer due?
  /// Those of the due layers, ascending, whose update asks how far participants are from the mean.
  std::vector<int> distant_layers = {};

  PackedParts averaged() const { return parts.first(due); }
};

/// What every rank knows of an experiment: a pure function of the configuration and the training
/// set's targets.
struct Experiment {
  Config config;
  DatasetInfo dataset;
  Partition partition;
  Task const* task;  ///< the one that the data set is for
  Model model;
  AveragingSchedule schedule;
  std::vector<StateField> fields;  ///< what clients keep beside their model
  EvaluationPlan evaluation;

  /// `train_targets`: bytes, as in a Split, and likewise `owners`. `state_fields`
  /// (client/algorithms): what the local algorithm keeps, where clients are to be trained. Throws
  /// InputError where model, data and averaging groups do not fit together.
  Experiment(Config settings, DatasetInfo info, std::span<std::uint8_t const> train_targets,
             std::vector<StateField> state_fields = {}, std::span<std::int32_t const> owners = {});
  /// From the parts of a stored run.
  Experiment(Config settings, DatasetInfo info, Partition p,
             std::vector<StateField> state_fields = {});

  std::int64_t clients() const { return config.data.clients; }
  /// How a client's state row is laid out. This must outlive it.
  StateLayout state() const { return {model.table(), fields}; }
  /// 0 .. clients - 1.
  std::vector<std::int64_t> all_clients() const;
  /// Ids that take part in a round (from 1), ascending.
  std::vector<std::int64_t> participants(std::int64_t round) const;
  /// Weight of each id in the averages, normalised to sum 1.
  std::vector<double> weights(std::vector<std::int64_t> const& ids) const;
  /// The weightings of a round, as StatePart::weighting counts them.
  std::vector<MeanWeights> weightings(std::int64_t round) const;
  /// Weights of the round's participants, a list for each of its weightings, each summing to 1.
  std::vector<std::vector<double>> weights(std::int64_t round) const;
  /// summed_steps() of each of the round's participants over its rounds after `since`.
  std::vector<double> steps_sums(std::int64_t round, std::int64_t since) const;
  /// Optimizer steps of one round of a client.
  std::int64_t local_steps(std::int64_t client) const;
  /// Sizes of the batches that a round of a client has, ascending, each once.
  std::vector<std::int64_t> batch_sizes(std::int64_t client) const;
  /// Client id whose stream initialises this client (0 for all with model.init = same).
  std::uint64_t init_stream(std::int64_t client) const;
  /// Are the clients compared with their mean in `round`?
  bool compares(std::int64_t round) const;
  /// Is the global model evaluated on the test set in `round`? Also where only the clients' are and
  /// it is their model, since every layer was averaged.
  bool evaluates_global(std::int64_t round) const;
  /// Those of the round's participants, ascending, whose own models are evaluated on the test set:
  /// as many as `evaluation` says, drawn once for all rounds (Purpose::evaluation), so that means
  /// of different rounds are over the same clients where they take part.
  std::vector<std::int64_t> evaluated_clients(std::int64_t round) const;
  /// Keys of the learning rates that decided about the models of `round`, joined by "or": what to
  /// lower where it diverges. Those of updates take part after the first average of their group.
  std::string learning_rate_keys(std::int64_t round) const;
  RoundParts parts(std::int64_t round) const;
  /// Layers whose parameters in the global row, at the start of `round`, are values that all
  /// clients once had in common: of an average, or the initial ones with model.init = same. Not
  /// among them are layers that are never averaged. Ascending.
  std::vector<int> common_layers(std::int64_t round) const;
  /// Does the coordinator make something else of a layer's mean than the mean?
  bool changes_mean(int layer) const;
  /// What a client keeps between rounds: the parts of its state that are not averaged in every
  /// round.
  PackedParts own_parts() const;
  WantedRows wanted(std::int64_t round) const;
  /// Load of each client, by which clients are dealt to ranks.
  std::vector<std::int64_t> loads() const;

 private:
  EvaluationLoad evaluation_load() const;
  bool evaluates(std::int64_t round) const;
  Slice parameters_of(int layer) const;
  std::vector<int> other_layers(std::vector<int> const& layers) const;
};

InputShape input_shape(DatasetInfo const& info);

}  // namespace fedstrata
