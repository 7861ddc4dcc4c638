#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/layer_table.hpp"

namespace fedstrata {

/// Indices of the layers that the selectors name, ascending. Selectors, joined by commas, excluded
/// with a leading `!`: a glob on the dotted name (`*` crosses dots), type:NAME (of a LayerType),
/// head (last layer with parameters), body (all but head), first:K, last:K, middle:K, index:A-B
/// (0-based, inclusive), all. Only exclusions = all but those. `rest` = layers that are not `taken`
/// (by another group; [L], or empty = none). `rotate` is AveragingSchedule's and malformed here.
/// Throws InputError that lists the layers when a selector is malformed or matches nothing (an
/// excluded type may: `all,!type:norm` suits every model); `where` names the key in messages.
std::vector<int> select_layers(std::string const& selectors, LayerTable const& table,
                               std::vector<bool> const& taken, std::string const& where);

/// Averaging groups resolved against a model: which layers are averaged in which round.
class AveragingSchedule {
 public:
  /// Throws InputError: a selector matches nothing, a layer is named by two groups.
  AveragingSchedule(Config const& config, LayerTable const& table);

  /// Indices of the layers averaged in `round` (from 1), ascending.
  std::vector<int> due_layers(std::int64_t round) const;
  /// Name of the group that a layer belongs to; empty for a layer in none.
  std::string group_of(int layer) const;
  /// Settings of that group; null for a layer in none.
  AverageGroup const* settings_of(int layer) const;
  /// Indices of the layers that are averaged in some round, be it after the last one that is
  /// planned.
  std::vector<int> averaged_layers() const;
  /// The last round before `round` that averaged the layer; 0 for none.
  std::int64_t last_average(int layer, std::int64_t round) const;
  /// Is the layer averaged in every round 1 .. rounds? (Then no client needs a copy of its own.)
  bool always_averaged(int layer) const;
  /// Elements (parameters and buffers) averaged in `round`.
  std::int64_t due_elements(std::int64_t round) const;

 private:
  struct Group {
    AverageGroup settings;
    std::vector<int> layers;
    bool rotate = false;
    std::vector<int> due(std::int64_t round) const;
  };
  LayerTable table_;
  std::int64_t rounds_;
  std::vector<Group> groups_;
};

/// Learning rate of a client after `step` (0-based) of its `steps` local steps in `round` (from 1):
/// a function of training progress (round - 1 + step / steps) / horizon, times linear warm-up over
/// the client's own first `warmup` steps (`steps_before` = steps it has done in earlier rounds).
double learning_rate(TrainConfig const& train, std::int64_t rounds, std::int64_t round,
                     std::int64_t step, std::int64_t steps, std::int64_t steps_before);

/// Ids, ascending, of the clients that take part in `round`: round(participation * clients), at
/// least 1, drawn by Purpose::participation.
std::vector<std::int64_t> participants(FederationConfig const& federation, std::int64_t clients,
                                       std::uint64_t seed, std::int64_t round);

}  // namespace fedstrata
