#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "client/algorithms/local_rows.hpp"
#include "common/config/config.hpp"

namespace fedstrata {

/// What a correction is told of a client's round.
struct LocalRound {
  std::int64_t client = 0;
  std::int64_t round = 0;
  /// Where parameters [P] lie whose value in the global row all clients had in common: that of
  /// their layer's latest average, or the initial one where all clients start from the same. The
  /// others are personal: the global row's value of them means nothing to a client.
  std::vector<Slice> common;
  /// Layers of `common` that are averaged when the round is over: their parameters are on their way
  /// to the coordinator at its end.
  std::vector<int> averaged;
  double participation = 1.0;  ///< share of all clients that take part
  double rates = 0.0;          ///< sum of the learning rates of its steps; known at the end
};

/// A correction of the local gradient: what a federated algorithm adds to it so that clients whose
/// data differ do not drift apart. Made for a configuration, attached to rows before it is used.
/// One object serves all clients of a rank: what it is to remember of a client lies in the fields.
class Correction {
 public:
  virtual ~Correction() = default;

  /// What it keeps of each client, and what becomes of that when layers are averaged.
  virtual std::vector<StateField> fields() const { return {}; }
  /// Called once, before what follows.
  virtual void attach(LocalRows const& rows) = 0;

  /// A client's round begins: its state is in the rows.
  virtual void begin(LocalRound const& round) = 0;
  /// Adds to the gradient [P] of the batch's loss at the client's present parameters.
  virtual void correct(at::Tensor gradient) = 0;
  /// All steps of the round are done. (A round that is given up half-way has no end.)
  virtual void end(LocalRound const& /*round*/) {}
};

// The corrections, by the names that train.correction takes beside `none`. To add one: a file in
// this folder that defines its function, declared and listed here, and its name (and keys) in
// common/config/sections/train.cpp. A function may return nothing: with these settings there is
// nothing to correct, and training keeps its shorter way.

using CorrectionFunction = std::unique_ptr<Correction>(TrainConfig const&);
CorrectionFunction make_feddyn, make_prox, make_scaffold;

struct CorrectionEntry {
  char const* name;
  CorrectionFunction* make;
};

inline constexpr CorrectionEntry kCorrections[] = {
    {"prox", make_prox},
    {"scaffold", make_scaffold},
    {"feddyn", make_feddyn},
};

/// The correction that the configuration names, or nothing.
std::unique_ptr<Correction> make_correction(TrainConfig const& train);

}  // namespace fedstrata
