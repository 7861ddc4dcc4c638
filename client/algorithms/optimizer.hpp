#pragma once
#include <memory>
#include <vector>

#include "client/algorithms/local_rows.hpp"
#include "common/config/config.hpp"

namespace fedstrata {

/// A local optimizer: from gradients to steps. Made for a configuration, so that it can say what it
/// keeps; attached to rows before it trains. One object trains all clients of a rank: whatever it
/// is to remember of a client lies in the fields.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// What it keeps of each client. `at_averaging` is left open: train.momentum_at_averaging says it
  /// for every optimizer.
  virtual std::vector<StateField> fields() const { return {}; }
  /// Called once, before what follows.
  virtual void attach(LocalRows const& rows) = 0;

  /// A client's round begins, or is over: its state is in the rows. (A round that is given up
  /// half-way has no end.)
  virtual void begin() {}
  virtual void end() {}

  /// Can a training pass leave its gradient elsewhere than in a row of its own? Where nobody else
  /// needs to see the gradient, a step is then in_place(), a pass into what that says, and
  /// finish(); else it is a pass into a gradient row, and step().
  virtual bool works_in_place() const { return false; }
  virtual GradientTarget in_place(double lr) const;
  virtual void finish(double lr);

  /// Can it be attached to the states of several clients at once, all of which do the same step?
  virtual bool takes_clients() const { return false; }

  /// One step with learning rate `lr` along `gradient` [P], which may be overwritten.
  virtual void step(at::Tensor const& gradient, double lr) = 0;
};

// The optimizers, by the names that train.optimizer takes. To add one: a file in this folder that
// defines its function, declared and listed here, and its name (and keys) in
// common/config/sections/train.cpp.

using OptimizerFunction = std::unique_ptr<Optimizer>(TrainConfig const&);
OptimizerFunction make_adam, make_adamw, make_sgd;

struct OptimizerEntry {
  char const* name;
  OptimizerFunction* make;
};

inline constexpr OptimizerEntry kOptimizers[] = {
    {"sgd", make_sgd},
    {"adam", make_adam},
    {"adamw", make_adamw},
};

/// The optimizer that the configuration names.
std::unique_ptr<Optimizer> make_optimizer(TrainConfig const& train);

}  // namespace fedstrata
