#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/model.hpp"
#include "server/analysis/models.hpp"
#include "server/analysis/phase_rule.hpp"
#include "server/engine/barrier_engine.hpp"

namespace fedstrata {

/// Evaluates the points that a phase wants of a group, as many together as their models fit into
/// memory at once.
class GroupEvaluator {
 public:
  /// Keeps references to `model`, `task` and `config`.
  GroupEvaluator(Model const& model, Task const& task, InputShape const& shape,
                 AnalysisConfig const& config, at::Tensor calibration);
  ~GroupEvaluator();

  struct Evaluated {
    SampleLosses losses;  ///< of the group's points; only those wanted are filled in
    double multiply_adds = 0.0;
  };
  /// On samples first .. first + count - 1 of `load`. Cuts the group's points when it is first
  /// evaluated. `interlude` (may be empty) runs between any two evaluations.
  Evaluated evaluate(PhaseGroup& group, AnalysisModels& models, std::int64_t first,
                     std::int64_t count, BatchLoader const& load, Interlude const& interlude);

  /// Multiply-adds of the group's wanted points on one sample, if no two models have a layer in
  /// common and `capacity` of them fit into memory at once.
  double expected_cost(PhaseGroup group, std::size_t capacity) const;

  /// Groups seen so far are gone.
  void forget();

  /// Multiply-adds of one model on one sample.
  double forward_cost() const { return forward_cost_; }
  /// How many models are stacked along a batch at most.
  std::size_t largest_stack() const;

 private:
  /// Points that are evaluated together, ready to be.
  struct Wave;
  std::unique_ptr<Wave> make_wave(PhaseGroup const& group, std::vector<int> const& points,
                                  AnalysisModels& models) const;

  Model const& model_;
  AnalysisConfig const& config_;
  BarrierEngine engine_;
  double forward_cost_ = 0.0;
  std::unique_ptr<Wave> current_;  ///< the one computed last, kept for the next unit
  std::vector<int> const* current_points_ = nullptr;
};

}  // namespace fedstrata
