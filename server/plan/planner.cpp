// A plan decides about bits: which points share a unit, in which order models and points are listed
// (the lower index comes first in a blend), and where units are cut, all decide how sums are
// rounded. So it follows from configuration, model and participants alone, and the order of what is
// added here must stay: pairs in their order; for each the kinds that are not drawn, the aligned
// ones, the drawn ones; then all clients against their mean, and what belongs to no pair.
#include "server/plan/planner.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "common/base/error.hpp"
#include "server/plan/barrier_kind.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kMostBatches = 8;    // in a unit of work
constexpr std::int64_t kUnitsWanted = 32;   // for each sample set, so that ranks end together
constexpr std::size_t kSpreadClients = 32;  // beyond, all distances are not computed unasked
constexpr std::size_t kMostLayers = 8'000;  // evaluated one within the other, on the stack

std::int64_t limited(std::int64_t count, std::int64_t limit) {
  return limit == 0 ? count : std::min(count, limit);
}

std::vector<std::int64_t> shares(PlanInput const& input, std::vector<std::int64_t> const& clients) {
  std::vector<std::int64_t> indices;
  for (auto const client : clients) {
    auto const own = input.partition.of(client);
    indices.insert(indices.end(), own.begin(), own.end());
  }
  std::ranges::sort(indices);
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  indices.resize(static_cast<std::size_t>(limited(std::ssize(indices), input.config.samples)));
  return indices;
}

SampleSet set_of(std::string const& name, std::vector<std::int64_t> indices) {
  auto const count = std::ssize(indices);
  return {name, false, count, std::move(indices)};
}

/// The sample sets that do not depend on the pair.
std::vector<SampleSet> common_sets(PlanInput const& input) {
  using Split = SplitSelection::Kind;
  auto const& split = input.config.split;
  std::vector<SampleSet> sets;
  if (split.kind == Split::train || split.kind == Split::both) {
    sets.push_back({"train", false, limited(input.train_count, input.config.samples), {}});
  }
  if (split.kind == Split::test || split.kind == Split::both) {
    sets.push_back({"test", true, limited(input.test_count, input.config.samples), {}});
  }
  if (split.kind == Split::share) {
    auto const clients = input.partition.clients();
    require_input(split.client < clients, "analysis.split = " + split.text +
                                              ": there is no such client; clients are 0 to " +
                                              std::to_string(clients - 1));
    sets.push_back(set_of("client", shares(input, {split.client})));
  }
  return sets;
}

std::vector<std::size_t> indices_of(std::size_t count) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  return indices;
}

/// Samples of a unit: few enough that there are units for many ranks.
std::int64_t batches_of_unit(std::vector<SampleSet> const& sets, std::int64_t batch_size) {
  std::int64_t largest = 1;
  for (auto const& set : sets) largest = std::max(largest, set.count);
  auto const batches = (largest + batch_size - 1) / batch_size;
  return std::clamp<std::int64_t>((batches + kUnitsWanted - 1) / kUnitsWanted, 1, kMostBatches);
}

/// Pairs that share a group: as many as the memory for losses allows, but so few that there are
/// units for several ranks.
std::size_t pairs_at_once(PlanInput const& input, RoundPlan const& plan, std::size_t pairs,
                          std::size_t points_of_pair) {
  auto const chunk = static_cast<std::size_t>(plan.chunk);
  std::size_t units = 0;
  for (auto const& set : plan.sets) {
    units += (static_cast<std::size_t>(set.count) + chunk - 1) / chunk;
  }
  auto const wanted = static_cast<std::size_t>(kUnitsWanted / 2);
  auto const groups = std::max<std::size_t>(1, wanted / std::max<std::size_t>(1, units));
  // A loss and, in versions before tasks, an error of one byte. The number decides which pairs
  // share a unit and so the bits of the results: it stays as it is.
  constexpr std::size_t kBytesOfSample = 9;
  auto const bytes_of_pair = points_of_pair * chunk * kBytesOfSample;
  auto const fit =
      static_cast<std::size_t>(input.config.memory / 8) / std::max<std::size_t>(1, bytes_of_pair);
  return std::clamp<std::size_t>((pairs + groups - 1) / groups, 1, std::max<std::size_t>(1, fit));
}

/// The kinds that are asked for, with the layers that they compare in this model.
class PlannedKinds {
 public:
  PlannedKinds(PlanInput const& input, CurveBuilder& curves) : curves_(curves) {
    for (auto const& kind : input.config.kinds.kinds) {
      kinds_.push_back({kind.get(), kind->targets(input.table, input.seed)});
    }
  }

  /// All curves of a pair. Those that are drawn come last.
  void add_pair(Group& group, Pair const& pair, RoundPlan& plan, bool align) {
    auto const rest_b = plan.elsewhere ? kPartner : pair.b;
    Ends const ends{pair.a, pair.b, rest_b, curves_.model_a(pair), curves_.model_b(pair)};
    for (auto const& [kind, targets] : kinds_) {
      if (!kind->drawn()) kind->add_pair(curves_, group, ends, targets, "");
    }
    if (align) add_aligned(group, ends, plan);
    for (auto const& [kind, targets] : kinds_) {
      if (kind->drawn()) kind->add_pair(curves_, group, ends, targets, "");
    }
  }

  void add_clients(Group& group) {
    auto const& clients = curves_.plan().participants;
    AllClients all;
    all.mean = curves_.mean_of(clients);
    all.mean_point = curves_.own_point(group, all.mean);
    static_cast<Members&>(all) = curves_.members(group, clients);
    for (auto const& [kind, targets] : kinds_) kind->add_clients(curves_, group, all, targets);
  }

  void add_round(Group& group) {
    for (auto const& [kind, targets] : kinds_) kind->add_round(curves_, group, targets);
  }

 private:
  struct Planned {
    BarrierKind const* kind;
    std::vector<Target> targets;
  };

  /// The same again with the units of b in the order of a's.
  void add_aligned(Group& group, Ends ends, RoundPlan& plan) {
    int const aligned =
        curves_.model({.kind = ModelSpec::Kind::aligned, .base = ends.b, .partner = ends.a});
    plan.alignments.push_back({aligned, ends.id_a, ends.id_b});
    ends.b = aligned;
    for (auto const& [kind, targets] : kinds_) {
      if (kind->alignable()) kind->add_pair(curves_, group, ends, targets, "aligned-");
    }
  }

  CurveBuilder& curves_;
  std::vector<Planned> kinds_;
};

void add_groups(PlanInput const& input, RoundPlan& plan, PlannedKinds& kinds,
                std::vector<Pair> const& pairs) {
  bool const align = input.config.align != Align::none;
  bool const shares_of_pairs = input.config.split.kind == SplitSelection::Kind::both_shares;
  std::size_t at_once = 1;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (shares_of_pairs || plan.groups.empty() || i % at_once == 0) {
      plan.groups.push_back({indices_of(plan.sets.size()), {}, {}});
    }
    auto& group = plan.groups.back();
    if (shares_of_pairs) {
      auto const clients = pairs[i].b >= 0 && !plan.other_run.size()
                               ? std::vector{pairs[i].a, pairs[i].b}
                               : std::vector{pairs[i].a};
      group.sets = {plan.sets.size()};
      plan.sets.push_back(set_of("union", shares(input, clients)));
    }
    kinds.add_pair(group, pairs[i], plan, align);
    if (i == 0 && !shares_of_pairs) {
      at_once = pairs_at_once(input, plan, pairs.size(), group.points.size());
    }
  }
}

void add_comparisons(RoundPlan& plan, CurveBuilder& curves, std::vector<Pair> const& pairs,
                     bool all_pairs) {
  for (auto const& pair : pairs) {
    if (pair.b == kMean || pair.b == kInitialisation) continue;  // below, for all
    plan.comparisons.push_back({curves.model_a(pair), curves.model_b(pair), pair.a, pair.b, true});
  }
  auto const& clients = plan.participants;
  for (auto const client : clients) {
    for (auto const other : {kMean, kInitialisation}) {
      Pair const pair{client, other};
      plan.comparisons.push_back({curves.model_a(pair), curves.model_b(pair), client, other, true});
    }
  }
  auto const add_hidden = [&](std::int64_t x, std::int64_t y) {
    int const a = curves.model_a({x, kNobody}), b = curves.model_a({y, kNobody});
    auto const known = [&](Comparison const& c) {
      return (c.a == a && c.b == b) || (c.a == b && c.b == a);
    };
    if (std::ranges::none_of(plan.comparisons, known))
      plan.comparisons.push_back({a, b, x, y, false});
  };
  for (auto const& group : plan.groups) {
    for (auto const& curve : group.curves) {
      if (curve.plane.empty()) continue;
      add_hidden(curve.key.a, curve.key.b);
      add_hidden(curve.key.a, curve.c);
      add_hidden(curve.key.b, curve.c);
    }
  }
  if (all_pairs || clients.size() > kSpreadClients) return;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    for (std::size_t j = i + 1; j < clients.size(); ++j) add_hidden(clients[i], clients[j]);
  }
}

}  // namespace

RoundPlan plan_round(PlanInput const& input) {
  using Pairs = PairSelection::Kind;
  auto const& selection = input.config.pairs;
  require_input(input.table.layers.size() <= kMostLayers,
                "models of at most " + std::to_string(kMostLayers) +
                    " layers can be analysed, and this one has " +
                    std::to_string(input.table.layers.size()) + "; set analysis.every = 0");
  RoundPlan plan;
  plan.round = input.round;
  plan.round_b = selection.kind == Pairs::round ? selection.count : input.round;
  plan.other_run = input.other_run;
  plan.elsewhere = selection.kind == Pairs::round || !input.other_run.empty();
  plan.participants = input.participants;
  std::optional<std::span<std::int64_t const>> partners;
  if (plan.elsewhere) partners = input.partners;
  plan.skipped = skipped_pairs(selection, input.participants, input.round, partners);
  plan.sets = common_sets(input);
  bool const of_pairs = input.config.split.kind == SplitSelection::Kind::both_shares;
  auto const everyone = of_pairs ? set_of("union", shares(input, input.participants)) : SampleSet{};
  plan.chunk =
      input.config.batch_size *
      batches_of_unit(of_pairs ? std::vector{everyone} : plan.sets, input.config.batch_size);
  CurveBuilder curves(input, plan);
  PlannedKinds kinds(input, curves);
  auto const pairs = select_pairs(selection, input.participants, input.seed, input.round, partners);
  add_groups(input, plan, kinds, pairs);
  Group rest;  // what belongs to no pair
  if (selection.kind == Pairs::clients && !input.participants.empty()) kinds.add_clients(rest);
  kinds.add_round(rest);
  if (!rest.curves.empty()) {
    if (of_pairs) {
      rest.sets = {plan.sets.size()};
      plan.sets.push_back(everyone);
    } else {
      rest.sets = indices_of(plan.sets.size());
    }
    plan.groups.push_back(std::move(rest));
  }
  add_comparisons(plan, curves, pairs, selection.kind == Pairs::all && !plan.elsewhere);
  return plan;
}

}  // namespace fedstrata
