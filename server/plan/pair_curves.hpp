#pragma once
#include <map>
#include <vector>

#include "common/config/analysis/kinds.hpp"
#include "server/plan/round_plan.hpp"
#include "server/plan/targets.hpp"

namespace fedstrata {

/// Makes the curves of a round's analysis: which models and points each needs and how its barriers
/// follow from them.
class CurveBuilder {
 public:
  /// Models are added to `plan.models`. Throws InputError for kinds that do not fit the model.
  CurveBuilder(PlanInput const& input, RoundPlan& plan);

  /// All curves of a pair, for every kind that compares two models.
  void add_pair(Group& group, Pair const& pair);
  /// pairs = clients: what averaging meets (RoundAnalysis).
  void add_clients(Group& group);
  /// The planes that are asked for, as far as their clients take part.
  void add_planes(Group& group);
  /// Index of the spec.
  int model(ModelSpec const& spec);
  /// The models of a pair.
  int model_a(Pair const& pair);
  int model_b(Pair const& pair);

 private:
  struct Ends;
  struct PlannedKind {
    Kind kind;
    std::vector<Target> targets;
  };

  void add_kinds(Group& group, Ends const& ends, std::string const& prefix);
  void add_targets(Group& group, Ends const& ends, PlannedKind const& planned,
                   std::string const& prefix);
  void add_interactions(Group& group, Ends const& ends, PlannedKind const& planned);
  void add_drawn(Group& group, Ends const& ends, PlannedKind const& planned);
  void add_perturbed(Group& group, Ends const& ends, Kind const& kind, ModelSpec spec,
                     Target const& target, std::string const& name);
  Curve& add_curve(Group& group, Ends const& ends, CurveKey key, Path path);
  void predict(Group& group, Ends const& ends, Curve& curve);
  int place(Group& group, Path const& path, double alpha) const;
  int own_point(Group& group, int model) const;
  void add_plane(Group& group, Kind const& kind, Target const& target);

  PlanInput const& input_;
  RoundPlan& plan_;
  std::vector<double> alphas_;
  bool statistics_from_base_;
  std::vector<PlannedKind> kinds_;
  std::map<ModelSpec, int> index_;
};

}  // namespace fedstrata
