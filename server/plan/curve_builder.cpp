#include "server/plan/curve_builder.hpp"

#include <string>
#include <utility>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using Spec = ModelSpec::Kind;

// Of the path: float32 rounding and higher terms balance.
constexpr double kCurvatureStep = 1.0 / 16;

// A point is a number for each layer: 1 GB in a group.
constexpr std::size_t kMostNumbers = 250'000'000;

void check_room(Group const& group, std::size_t layers) {
  auto const most = kMostNumbers / layers;
  require_input(group.points.size() <= most,
                "analysis.kinds and analysis.alphas ask for more points than can be planned, " +
                    std::to_string(most) + " between models of " + std::to_string(layers) +
                    " layers; leave out kinds that go through the layers one by one, or take fewer "
                    "alphas or analysis.pairs");
}

/// The mean comes first: the sum is then exactly value - (a + b) / 2.
Combination minus_mean(Combination const& value, int a, int b) {
  Combination result{{a, -0.5}, {b, -0.5}};
  result.insert(result.end(), value.begin(), value.end());
  return result;
}

}  // namespace

CurveBuilder::CurveBuilder(PlanInput const& input, RoundPlan& plan) : input_(input), plan_(plan) {}

int CurveBuilder::model(ModelSpec const& spec) {
  auto const [at, fresh] = index_.try_emplace(spec, static_cast<int>(plan_.models.size()));
  if (fresh) plan_.models.push_back(spec);
  return at->second;
}

int CurveBuilder::model_a(Pair const& pair) {
  return model({.kind = Spec::trained, .client = pair.a, .round = plan_.round});
}

int CurveBuilder::model_b(Pair const& pair) {
  if (pair.b == kMean) return mean_of(plan_.participants);
  if (pair.b == kInitialisation) return model({.kind = Spec::initial, .client = pair.a});
  return model({.kind = Spec::trained,
                .client = pair.b,
                .round = plan_.round_b,
                .other_run = !plan_.other_run.empty()});
}

int CurveBuilder::mean_of(std::span<std::int64_t const> clients) {
  bool const all = clients.size() == plan_.participants.size();
  if (clients.size() == 1 && !all) return model_a({clients.front(), kNobody});
  ModelSpec spec{.kind = Spec::mean, .round = plan_.round};
  if (!all) spec.members.assign(clients.begin(), clients.end());
  return model(spec);
}

int CurveBuilder::place(Group& group, Path const& path, double alpha) const {
  check_room(group, input_.table.layers.size());
  bool const from_base = input_.config.batchnorm.kind == NormSelection::Kind::from_base;
  return fedstrata::place(input_.table, group.points, path, alpha, from_base);
}

int CurveBuilder::own_point(Group& group, int model) const {
  return group.points.add(
      std::vector<int>(input_.table.layers.size(), group.points.add(blend(model, model, 0.0))));
}

Members CurveBuilder::members(Group& group, std::span<std::int64_t const> clients) {
  Members result;
  result.clients.assign(clients.begin(), clients.end());
  auto const share = result.share();
  for (auto const client : clients) {
    result.models.push_back(model_a({client, kNobody}));
    int const own = own_point(group, result.models.back());
    result.own.push_back({own, share});
    result.minus_own.push_back({own, -share});
  }
  return result;
}

Curve& CurveBuilder::add_line(Group& group, Ends const& ends, CurveKey key, Path path) {
  Curve curve;
  curve.key = std::move(key);
  int const a = own_point(group, ends.a);
  int const b = own_point(group, ends.b);
  curve.end_a = {{a, 1.0}};
  curve.end_b = {{b, 1.0}};
  for (double const alpha : input_.config.alphas.grid) {
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

Curve& CurveBuilder::begin_change(Group& group, CurveKey key, Members const& before) {
  Curve curve;
  curve.key = std::move(key);
  curve.end_a = before.own;
  curve.mid = before.minus_own;
  group.curves.push_back(std::move(curve));
  return group.curves.back();
}

}  // namespace fedstrata
