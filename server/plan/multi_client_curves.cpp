// Curves of CurveBuilder that compare more than two clients: all with their mean, and planes.
#include <algorithm>
#include <array>
#include <utility>

#include "server/plan/pair_curves.hpp"

namespace fedstrata {
namespace {

using Family = Kind::Family;
using Spec = ModelSpec::Kind;

constexpr double kPlaneLow = -0.5, kPlaneHigh = 1.5;  // of both axes

}  // namespace

void CurveBuilder::add_clients(Group& group) {
  auto const& clients = plan_.participants;
  auto const share = 1.0 / static_cast<double>(clients.size());
  int const mean = model({.kind = Spec::mean, .round = plan_.round});
  int const mean_point = own_point(group, mean);
  Combination own, minus_own;
  std::vector<int> models;
  for (auto const client : clients) {
    models.push_back(model_a({client, kMean}));
    own.push_back({own_point(group, models.back()), share});
    minus_own.push_back({own.back().point, -share});
  }
  auto const start = [&](std::string const& kind, std::string const& target) -> Curve& {
    Curve curve;
    curve.key = {kind, target, kNobody, kMean, kNobody, 0};
    curve.end_a = own;
    curve.end_b = {{mean_point, 1.0}};
    curve.mid = minus_own;
    group.curves.push_back(std::move(curve));
    return group.curves.back();
  };
  for (auto const& planned : kinds_) {
    if (planned.kind.drawn() || planned.kind.family == Family::interaction ||
        planned.kind.family == Family::plane) {
      continue;
    }
    for (auto const& target : planned.targets) {
      auto& curve = start(planned.kind.name, target.name);
      curve.layers = target.layers.size();
      bool const full = planned.kind.family == Family::full;
      for (std::size_t i = 0; i < clients.size(); ++i) {
        if (full) {
          curve.points.push_back({0.0, own[i].point, clients[i], kNobody});
          continue;
        }
        int const mixed = place(group, {models[i], mean, target.layers, models[i]}, 1.0);
        curve.mid.push_back({mixed, share});
        curve.points.push_back({1.0, mixed, clients[i], clients[i]});
      }
      if (!full) continue;
      curve.mid.push_back({mean_point, 1.0});
      curve.points.push_back({1.0, mean_point, kNobody, kNobody});
    }
  }
}

void CurveBuilder::add_planes(Group& group) {
  for (auto const& planned : kinds_) {
    if (planned.kind.family != Family::plane) continue;
    auto const& ids = planned.kind.clients;
    auto const absent = std::ranges::find_if_not(
        ids, [&](auto id) { return std::ranges::binary_search(plan_.participants, id); });
    if (absent == ids.end()) {
      add_plane(group, planned.kind, planned.targets.front());
    } else {
      plan_.skipped.push_back({plan_.round, ids[0], ids[1],
                               "plane: client " + std::to_string(*absent) +
                                   " did not take part in round " + std::to_string(plan_.round)});
    }
  }
}

void CurveBuilder::add_plane(Group& group, Kind const& kind, Target const& target) {
  std::array<int, 3> models{};
  for (std::size_t i = 0; i < 3; ++i) models[i] = model_a({kind.clients[i], kNobody});
  int const a = models[0], b = models[1], c = models[2];
  Curve curve;
  bool const whole = target.layers.size() == input_.table.layers.size();
  curve.key = {
      kind.name, target.name, kind.clients[0], kind.clients[1], whole ? kNobody : kind.clients[0],
      0};
  curve.c = kind.clients[2];
  curve.plane_layers = target.layers;
  curve.end_a = {{own_point(group, a), 1.0}};
  curve.end_b = {{own_point(group, b), 1.0}};
  auto const points = input_.config.plane_points;
  auto const at = [&](std::int64_t i) {
    return kPlaneLow +
           (kPlaneHigh - kPlaneLow) * static_cast<double>(i) / static_cast<double>(points - 1);
  };
  for (std::int64_t j = 0; j < points; ++j) {
    auto const moved = [&](int from) {
      if (at(j) == 0.0) return from;
      return model({.kind = Spec::plane, .base = from, .partner = a, .third = c, .v = at(j)});
    };
    Path const line{moved(a), moved(b), target.layers, whole ? -1 : a};
    for (std::int64_t i = 0; i < points; ++i) {
      curve.plane.push_back({at(i), at(j), place(group, line, at(i))});
    }
  }
  group.curves.push_back(std::move(curve));
}

}  // namespace fedstrata
