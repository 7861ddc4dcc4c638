#include "common/federation/evaluation_plan.hpp"

#include <algorithm>
#include <cmath>

namespace fedstrata {
namespace {

constexpr double kPassesOfAStep = 3.0;
constexpr double kAutomaticShare = 0.1;
constexpr std::int64_t kAutomaticTimes = 10;

/// Models evaluated at a time. A participant's own is evaluated before averaging, and after it
/// unless it is the global one then.
double models(EvaluationPlan const& plan, EvaluationLoad const& load) {
  return (plan.global ? 1.0 : 0.0) +
         static_cast<double>(plan.participants) * (load.all_averaged ? 1.0 : 2.0);
}

/// As many participants as `budget` models pay for.
std::int64_t affordable(double budget, EvaluationLoad const& load) {
  auto const most = static_cast<double>(load.participants);
  return static_cast<std::int64_t>(
      std::clamp(std::floor(budget / (load.all_averaged ? 1.0 : 2.0)), 0.0, most));
}

/// `budget`: models that a tenth of the training between two evaluations pays for. Where clients
/// differ after averaging, theirs are the models that are used, so they come before the global one.
void choose(EvaluationPlan& plan, FederationConfig const& federation, EvaluationLoad const& load,
            double budget) {
  if (load.all_averaged) {
    plan.global = true;
    plan.participants = affordable(budget - 1.0, load);
  } else {
    plan.participants = std::max<std::int64_t>(1, affordable(budget, load));
    plan.global = budget - models(plan, load) >= 1.0;
  }
  auto const times = federation.rounds / plan.every;
  auto const most = std::max<std::int64_t>(1, times / kAutomaticTimes);
  auto const wanted = std::ceil(models(plan, load) / budget);
  plan.every *= wanted < static_cast<double>(most) ? static_cast<std::int64_t>(wanted) : most;
}

}  // namespace

EvaluationPlan evaluation_plan(FederationConfig const& federation, EvaluationLoad const& load) {
  using What = EvaluateSelection::What;
  EvaluationPlan plan{.every = federation.evaluate_every};
  if (plan.every == 0) return plan;
  auto const training = kPassesOfAStep * load.trained_samples;
  auto const one_model = static_cast<double>(load.test_samples);
  auto const [what, text, clients] = federation.evaluate;
  if (what == What::automatic) {
    auto const between = training * static_cast<double>(plan.every);
    choose(plan, federation, load, kAutomaticShare * between / one_model);
  } else {
    plan.global = what != What::clients;
    plan.participants = what == What::global ? 0
                        : what == What::some ? std::min(clients, load.participants)
                                             : load.participants;
  }
  plan.models = models(plan, load);
  plan.share = plan.models * one_model / (training * static_cast<double>(plan.every));
  return plan;
}

}  // namespace fedstrata
