#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "server/plan/round_plan.hpp"

namespace fedstrata {

/// The two models that the curves of a pair compare.
struct Ends {
  std::int64_t id_a = 0;
  std::int64_t id_b = 0;
  std::int64_t rest_b = 0;  ///< b in column `rest`, where its id may be a's too
  int a = 0;                ///< indices of models
  int b = 0;
};

/// Some participants, with their own models.
struct Members {
  std::vector<std::int64_t> clients;
  std::vector<int> models;  ///< by client: indices of models
  Combination own;          ///< the unweighted mean of their losses
  Combination minus_own;    ///< its negative
  double share() const { return 1.0 / static_cast<double>(clients.size()); }
};

/// All participants and their weighted mean (analysis.pairs = clients).
struct AllClients : Members {
  int mean = 0;        ///< index of a model
  int mean_point = 0;  ///< of that model
};

/// What kinds of barrier make curves with: adds models to a round's plan, points and curves to a
/// group of it.
class CurveBuilder {
 public:
  /// Both must outlive this. Models are added to `plan.models`.
  CurveBuilder(PlanInput const& input, RoundPlan& plan);

  PlanInput const& input() const { return input_; }
  RoundPlan const& plan() const { return plan_; }

  /// Index of the spec in the plan, to which it is added when new.
  int model(ModelSpec const& spec);
  /// The models of a pair.
  int model_a(Pair const& pair);
  int model_b(Pair const& pair);
  /// The weighted mean of some participants' models, ascending; of one, that one's own.
  int mean_of(std::span<std::int64_t const> clients);

  /// The point of a path at `alpha`.
  int place(Group& group, Path const& path, double alpha) const;
  /// The point where every layer is the model's own.
  int own_point(Group& group, int model) const;
  Members members(Group& group, std::span<std::int64_t const> clients);

  /// Adds a curve with all that follows from its path: its points at the alphas asked for, mid,
  /// swap and rises, measured against the two full models.
  Curve& add_line(Group& group, Ends const& ends, CurveKey key, Path path);
  /// Also predicts the curve's midpoint from slope and curvature at its ends.
  void predict(Group& group, Ends const& ends, Curve& curve);
  /// Adds a curve whose mid is measured against the mean of the members' own losses: what is added
  /// to `mid` is what their models become.
  Curve& begin_change(Group& group, CurveKey key, Members const& before);
  void skip(SkippedRecord record) { plan_.skipped.push_back(std::move(record)); }

 private:
  PlanInput const& input_;
  RoundPlan& plan_;
  std::map<ModelSpec, int> index_;
};

}  // namespace fedstrata
