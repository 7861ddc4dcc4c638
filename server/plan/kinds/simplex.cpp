#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/base/random.hpp"
#include "server/plan/kinds/kinds.hpp"

namespace fedstrata {
namespace {

using Clients = std::vector<std::int64_t>;

/// How many subsets of `size` of `count` there are, as far as it matters: at most `most`.
std::int64_t subsets(std::int64_t count, std::int64_t size, std::int64_t most) {
  double ways = 1.0;
  for (std::int64_t i = 0; i < std::min(size, count - size); ++i) {
    ways = ways * static_cast<double>(count - i) / static_cast<double>(i + 1);
  }
  return ways < static_cast<double>(most) ? std::llround(ways) : most;
}

/// How many models can be averaged before the loss rises: the weighted mean of K participants of a
/// round, K = 1, 2, 4, ... and all, against these K themselves; for the whole model, and for each
/// layer, where every one of the K keeps its other layers. Each K is drawn several times, no two
/// draws alike.
class SimplexKind final : public BarrierKind {
 public:
  SimplexKind(std::string const& text, std::int64_t draws) : BarrierKind(text), draws_(draws) {}

  bool drawn() const override { return true; }
  bool needs_pairs() const override { return false; }

  /// The whole first: it has the members' own points.
  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    auto targets = each_layer(table);
    targets.insert(targets.begin(), whole(table));
    return targets;
  }

  void add_round(CurveBuilder& curves, Group& group,
                 std::vector<Target> const& targets) const override {
    auto const count = std::ssize(curves.plan().participants);
    for (std::int64_t size = 1; size < count; size *= 2) {
      std::int64_t draw = 0;
      for (auto const& clients : draws(curves, size)) add(curves, group, targets, clients, draw++);
    }
    if (count > 0) add(curves, group, targets, curves.plan().participants, 0);
  }

 private:
  /// Different subsets of the participants, each in ascending order: as many as there are, but not
  /// more than are asked for. They come from a stream named by round and size, so that asking for
  /// more draws leaves the first ones as they are.
  std::vector<Clients> draws(CurveBuilder const& curves, std::int64_t size) const {
    auto const& participants = curves.plan().participants;
    auto const wanted = subsets(std::ssize(participants), size, draws_);
    Random random(curves.input().seed, Purpose::simplex, static_cast<std::uint64_t>(size),
                  static_cast<std::uint64_t>(curves.plan().round));
    std::vector<Clients> result;
    std::set<Clients> seen;
    while (std::ssize(result) < wanted) {
      Clients clients;
      auto const places =
          distinct_numbers(participants.size(), static_cast<std::uint64_t>(size), random);
      for (auto const place : places) clients.push_back(participants[place]);
      if (seen.insert(clients).second) result.push_back(std::move(clients));
    }
    return result;
  }

  static void add(CurveBuilder& curves, Group& group, std::vector<Target> const& targets,
                  Clients const& clients, std::int64_t draw) {
    auto const members = curves.members(group, clients);
    int const mean = curves.mean_of(clients);
    auto const layers = curves.input().table.layers.size();
    for (auto const& target : targets) {
      bool const all = &target == &targets.front();
      CurveKey const key{.kind = "simplex-" + std::to_string(clients.size()),
                         .target = target.name,
                         .a = kNobody,
                         .b = kMean,
                         .draw = draw,
                         .own_round = true};
      auto& curve = curves.begin_change(group, key, members);
      curve.drawn = true;
      curve.layers = all ? layers : target.layers.size();
      if (all) {
        int const point = curves.own_point(group, mean);
        curve.end_b = {{point, 1.0}};
        for (std::size_t i = 0; i < clients.size(); ++i) {
          curve.points.push_back({0.0, members.own[i].point, clients[i], kNobody});
        }
        curve.points.push_back({1.0, point, kNobody, kNobody});
      } else {
        for (std::size_t i = 0; i < clients.size(); ++i) {
          int const own = members.models[i];
          int const mixed = curves.place(group, {own, mean, target.layers, own}, 1.0);
          curve.end_b.push_back({mixed, members.share()});
          curve.points.push_back({1.0, mixed, clients[i], clients[i]});
        }
      }
      curve.mid.insert(curve.mid.end(), curve.end_b.begin(), curve.end_b.end());
    }
  }

  std::int64_t draws_;
};

}  // namespace

BarrierKindPtr make_simplex(KindText const& kind) {
  return std::make_shared<SimplexKind>(kind.text, kind_draws(kind));
}

}  // namespace fedstrata
