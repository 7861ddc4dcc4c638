#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

// What the coordinator makes of a mean (average.NAME.update). To add one: a file in this folder
// that defines its function, declared and listed here, a test, and a row in docs/configuration.md.

/// A number that an update keeps for every parameter, from one average of its layer to the next.
struct UpdateField {
  char const* name;
  float initial = 0.0F;
};

/// Who took part in a round. Those that diverged and were left out are not among them.
struct UpdateRound {
  std::int64_t clients = 0;          ///< of the run
  std::vector<double> weights = {};  ///< of the participants, summing to 1
  std::vector<double> steps = {};    ///< what each one's steps add up to, for FedNova's mean
};

/// Neighbouring parameters of one layer in a round that averages it. All spans have one length.
struct UpdateBlock {
  std::span<float const> before;             ///< global values at the start of the round
  std::span<float> values;                   ///< the clients' mean; becomes what the layer gets
  std::vector<std::span<float>> state = {};  ///< each field's, in the order of `fields`
  UpdateRound const* round = nullptr;
};

/// Norms of a layer in a round that averages it.
struct LayerNorms {
  double before = 0.0;    ///< of its parameters x in the global row at the round's start
  double change = 0.0;    ///< of the mean minus x
  double distance = 0.0;  ///< of a participant's parameters minus the mean; mean over them
};

/// An update with its settings bound.
struct Update {
  std::vector<std::string> keys = {};  ///< of [average.NAME], those that it reads
  std::vector<UpdateField> fields = {};
  /// Element by element, since a layer may come in several blocks. Computes in double and rounds
  /// what it stores once to float, and keeps the mean's bits where its settings make it plain
  /// averaging. Empty: the mean as it is.
  std::function<void(UpdateBlock const&)> apply = {};
  /// What the layer's mean is multiplied by. Such an update is named in asks_for_distances()
  /// (common/federation/mean_weights.hpp): the clients are asked once the mean is known.
  std::function<double(LayerNorms const&)> factor = {};

  /// Is it plain averaging?
  bool is_mean() const { return !apply && !factor; }
};

using UpdateFunction = Update(AverageGroup const&);
UpdateFunction make_adagrad_update, make_adam_update, make_lws_update, make_mean_update,
    make_momentum_update, make_nesterov_update, make_nova_update, make_yogi_update;

struct UpdateEntry {
  char const* name;
  UpdateFunction* make;
};

/// In alphabetical order.
inline constexpr UpdateEntry kUpdates[] = {
    {"adagrad", make_adagrad_update},   {"adam", make_adam_update},
    {"lws", make_lws_update},           {"mean", make_mean_update},
    {"momentum", make_momentum_update}, {"nesterov", make_nesterov_update},
    {"nova", make_nova_update},         {"yogi", make_yogi_update},
};

/// What every group's mean becomes with train.correction = feddyn; `alpha` > 0.
Update make_feddyn_update(double alpha);

/// The update that a group asks for. Throws InputError: no such update; an `update_...` key is set
/// that this one does not read.
Update make_update(AverageGroup const& group);

}  // namespace fedstrata
