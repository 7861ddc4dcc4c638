#include "server/plan/pair_curves.hpp"

#include <algorithm>
#include <utility>

#include "common/base/error.hpp"

// Every kind of barrier in terms of points (models put together layer by layer) and sums of their
// losses. Nothing is evaluated here, and equal points are not looked for: the engine finds them,
// whatever kind asks.

namespace fedstrata {
namespace {

using Family = Kind::Family;
using Spec = ModelSpec::Kind;

// Of the path: float32 rounding and higher terms balance.
constexpr double kCurvatureStep = 1.0 / 16;

std::vector<int> every_layer(LayerTable const& table) {
  std::vector<int> layers;
  for (std::size_t l = 0; l < table.layers.size(); ++l) layers.push_back(static_cast<int>(l));
  return layers;
}

/// The mean comes first: the sum is then exactly value - (a + b) / 2.
Combination minus_mean(Combination const& value, int a, int b) {
  Combination result{{a, -0.5}, {b, -0.5}};
  result.insert(result.end(), value.begin(), value.end());
  return result;
}

std::int64_t elements(LayerTable const& table, std::vector<int> const& layers) {
  std::int64_t sum = 0;
  for (int const l : layers) sum += table.layers[static_cast<std::size_t>(l)].parameters.size;
  return sum;
}

}  // namespace

/// The two models that curves compare.
struct CurveBuilder::Ends {
  std::int64_t id_a = 0;
  std::int64_t id_b = 0;
  std::int64_t rest_b = 0;  ///< b in column `rest`, where its id may be a's too
  int a = 0;                ///< models
  int b = 0;
};

CurveBuilder::CurveBuilder(PlanInput const& input, RoundPlan& plan)
    : input_(input),
      plan_(plan),
      alphas_(input.config.alphas.grid),
      statistics_from_base_(input.config.batchnorm.kind == NormSelection::Kind::from_base) {
  for (auto const& text : input.config.kinds) {
    auto const kind = parse_kind(text);
    kinds_.push_back({kind, targets(kind, input.table, input.seed)});
  }
}

int CurveBuilder::model(ModelSpec const& spec) {
  auto const [at, fresh] = index_.try_emplace(spec, static_cast<int>(plan_.models.size()));
  if (fresh) plan_.models.push_back(spec);
  return at->second;
}

int CurveBuilder::model_a(Pair const& pair) {
  return model({.kind = Spec::trained, .client = pair.a, .round = plan_.round});
}

int CurveBuilder::model_b(Pair const& pair) {
  if (pair.b == kMean) return model({.kind = Spec::mean, .round = plan_.round});
  if (pair.b == kInitialisation) return model({.kind = Spec::initial, .client = pair.a});
  return model({.kind = Spec::trained,
                .client = pair.b,
                .round = plan_.round_b,
                .other_run = !plan_.other_run.empty()});
}

int CurveBuilder::place(Group& group, Path const& path, double alpha) const {
  return fedstrata::place(input_.table, group.points, path, alpha, statistics_from_base_);
}

int CurveBuilder::own_point(Group& group, int model) const {
  return group.points.add(
      std::vector<int>(input_.table.layers.size(), group.points.add(blend(model, model, 0.0))));
}

Curve& CurveBuilder::add_curve(Group& group, Ends const& ends, CurveKey key, Path path) {
  Curve curve;
  curve.key = std::move(key);
  int const a = own_point(group, ends.a);
  int const b = own_point(group, ends.b);
  curve.end_a = {{a, 1.0}};
  curve.end_b = {{b, 1.0}};
  for (double const alpha : alphas_) {
    curve.points.push_back({alpha, place(group, path, alpha), curve.key.a, curve.key.rest});
  }
  int const first = curve.points.front().point;
  int const last = curve.points.back().point;
  for (auto const& row : curve.points) {
    if (row.alpha > 0.0 && row.alpha < 1.0) {
      curve.rises.push_back({row.alpha, row.point, first, last});
    }
    if (row.alpha == 0.5) curve.mid = minus_mean({{row.point, 1.0}}, a, b);
  }
  if (path.rest >= 0) curve.swap = minus_mean({{path.rest == path.a ? last : first, 1.0}}, a, b);
  curve.layers = path.layers.size();
  curve.path = std::move(path);
  group.curves.push_back(std::move(curve));
  return group.curves.back();
}

/// E(1/2) ~ E(0) + E'(0)/2 + E''(0)/8 by central differences, from the end whose other layers are
/// the model's own, or the mean of what both ends say. At minima E' = 0 and the mean is
/// d^T (H1 + H2) d / 16.
void CurveBuilder::predict(Group& group, Ends const& ends, Curve& curve) {
  auto const from = [&](double end, double share) {
    double const towards = end == 0.0 ? kCurvatureStep : -kCurvatureStep;
    double const slope = share / (4.0 * kCurvatureStep);
    double const bend = share / (8.0 * kCurvatureStep * kCurvatureStep);
    curve.predicted.push_back({place(group, *curve.path, end), share - 2.0 * bend});
    curve.predicted.push_back({place(group, *curve.path, end + towards), bend + slope});
    curve.predicted.push_back({place(group, *curve.path, end - towards), bend - slope});
  };
  auto const& path = *curve.path;
  double const both = path.rest < 0 ? 0.5 : 1.0;
  if (path.rest < 0 || path.rest == path.a) from(0.0, both);
  if (path.rest < 0 || path.rest == path.b) from(1.0, both);
  curve.predicted = minus_mean(curve.predicted, own_point(group, ends.a), own_point(group, ends.b));
}

void CurveBuilder::add_targets(Group& group, Ends const& ends, PlannedKind const& planned,
                               std::string const& prefix) {
  for (auto const& target : planned.targets) {
    CurveKey key{prefix + planned.kind.name, target.name, ends.id_a, ends.id_b, kNobody, 0};
    auto const add = [&](int rest, std::int64_t rest_id) {
      key.rest = rest_id;
      auto& curve = add_curve(group, ends, key, {ends.a, ends.b, target.layers, rest});
      if (input_.config.curvature) predict(group, ends, curve);
    };
    if (planned.kind.family == Family::full) {
      add(-1, kNobody);
    } else {
      add(ends.a, ends.id_a);
      add(ends.b, ends.rest_b);
    }
  }
}

/// B(i,j) - B(i) - B(j), at the midpoint and where both layers are swapped.
void CurveBuilder::add_interactions(Group& group, Ends const& ends, PlannedKind const& planned) {
  int const a = own_point(group, ends.a);
  int const b = own_point(group, ends.b);
  for (auto const& target : planned.targets) {
    for (bool const into_b : {false, true}) {
      int const rest = into_b ? ends.b : ends.a;
      auto const at = [&](std::vector<int> layers, double alpha) {
        return place(group, {ends.a, ends.b, std::move(layers), rest}, alpha);
      };
      Curve curve;
      curve.key = {planned.kind.name,
                   target.name,
                   ends.id_a,
                   ends.id_b,
                   into_b ? ends.rest_b : ends.id_a,
                   0};
      curve.layers = target.layers.size();
      curve.end_a = {{a, 1.0}};
      curve.end_b = {{b, 1.0}};
      auto const together = [&](double alpha) -> Combination {
        int const both = at(target.layers, alpha);
        curve.points.push_back({alpha, both, curve.key.a, curve.key.rest});
        return {{both, 1.0},
                {at({target.layers[0]}, alpha), -1.0},
                {at({target.layers[1]}, alpha), -1.0},
                {a, 0.5},
                {b, 0.5}};
      };
      curve.mid = together(0.5);
      curve.swap = together(into_b ? 0.0 : 1.0);
      group.curves.push_back(std::move(curve));
    }
  }
}

void CurveBuilder::add_perturbed(Group& group, Ends const& ends, Kind const& kind, ModelSpec spec,
                                 Target const& target, std::string const& name) {
  for (std::int64_t draw = 0; draw < kind.count; ++draw) {
    spec.draw = draw;
    for (bool const into_b : {false, true}) {
      spec.base = into_b ? ends.b : ends.a;
      spec.partner = into_b ? ends.a : ends.b;
      int const moved = model(spec);
      CurveKey const key{name, target.name, ends.id_a, ends.id_b, into_b ? ends.rest_b : ends.id_a,
                         draw};
      Path const path = into_b ? Path{moved, ends.b, target.layers, ends.b}
                               : Path{ends.a, moved, target.layers, ends.a};
      add_curve(group, ends, key, path);
    }
  }
}

/// Kinds that compare the way to the partner with other ways as long.
void CurveBuilder::add_drawn(Group& group, Ends const& ends, PlannedKind const& planned) {
  auto const& kind = planned.kind;
  auto const whole = every_layer(input_.table);
  for (auto const& target : planned.targets) {
    ModelSpec spec;
    spec.by_layer = target.layers.size() < whole.size() || whole.size() == 1;
    switch (kind.family) {
      case Family::subset:
        spec.kind = Spec::subset;
        spec.elements = elements(input_.table, target.layers);
        spec.target = target.layers.front();
        add_perturbed(group, ends, kind, spec, {target.name, whole}, kind.name);
        break;
      case Family::random:
        spec.kind = Spec::random;
        add_perturbed(group, ends, kind, spec, target, kind.name);
        break;
      default:
        require_input(
            ends.id_b >= 0 && plan_.other_run.empty(),
            "analysis.kinds: subspace compares clients of one run; with analysis.pairs = " +
                input_.config.pairs.text + " leave it out");
        spec.kind = Spec::span;
        add_perturbed(group, ends, kind, spec, target, "subspace-span");
        spec.kind = Spec::complement;
        add_perturbed(group, ends, kind, spec, target, "subspace-complement");
        for (bool const into_b : {false, true}) {
          CurveKey const key{"subspace-towards",
                             target.name,
                             ends.id_a,
                             ends.id_b,
                             into_b ? ends.rest_b : ends.id_a,
                             0};
          add_curve(group, ends, key, {ends.a, ends.b, target.layers, into_b ? ends.b : ends.a});
        }
    }
  }
}

void CurveBuilder::add_kinds(Group& group, Ends const& ends, std::string const& prefix) {
  for (auto const& planned : kinds_) {
    if (planned.kind.drawn() || planned.kind.family == Family::plane) continue;
    if (planned.kind.family == Family::interaction) {
      if (prefix.empty()) add_interactions(group, ends, planned);
    } else {
      add_targets(group, ends, planned, prefix);
    }
  }
}

void CurveBuilder::add_pair(Group& group, Pair const& pair) {
  auto const rest_b = plan_.elsewhere ? kPartner : pair.b;
  Ends const ends{pair.a, pair.b, rest_b, model_a(pair), model_b(pair)};
  add_kinds(group, ends, "");
  if (input_.config.align != Align::none) {
    int const aligned = model({.kind = Spec::aligned, .base = ends.b, .partner = ends.a});
    plan_.alignments.push_back({aligned, pair.a, pair.b});
    add_kinds(group, {pair.a, pair.b, rest_b, ends.a, aligned}, "aligned-");
  }
  for (auto const& planned : kinds_) {
    if (planned.kind.drawn()) add_drawn(group, ends, planned);
  }
}

}  // namespace fedstrata
