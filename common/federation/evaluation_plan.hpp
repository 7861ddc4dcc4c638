#pragma once
#include <cstdint>

#include "common/config/config.hpp"

namespace fedstrata {

/// What the cost of evaluations follows from; numbers of one round.
struct EvaluationLoad {
  std::int64_t participants = 0;
  double trained_samples = 0.0;  ///< that all participants train on, repeats counted
  std::int64_t test_samples = 0;
  bool all_averaged = false;  ///< is every layer averaged in every round?
};

/// Which models are evaluated on the test set, and how often.
struct EvaluationPlan {
  bool global = false;
  std::int64_t participants = 0;  ///< of a round, evaluated before and after averaging
  std::int64_t every = 0;         ///< rounds; 0 = never
  double models = 0.0;            ///< evaluated in a round, before and after counted apart
  double share = 0.0;             ///< of the training's arithmetic, about
};

/// Resolves `federation.evaluate`. A step of training is taken to cost as much as evaluating its
/// samples three times (a forward pass, and two of its size backward). `automatic` is chosen so
/// that evaluating costs at most a tenth of training, but evaluates one model at least, and ten
/// times in a run at least where evaluate_every allows it. Pure: counts samples, not seconds.
EvaluationPlan evaluation_plan(FederationConfig const& federation, EvaluationLoad const& load);

}  // namespace fedstrata
