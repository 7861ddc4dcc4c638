#include "server/round_plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "common/error.hpp"

namespace fedstrata {
namespace {

using Bases = std::map<std::int64_t, std::vector<Partner>>;

bool asked(AnalysisConfig const& config, std::string const& kind) {
  return std::find(config.kinds.begin(), config.kinds.end(), kind) != config.kinds.end();
}

void check_kinds(std::vector<std::string> const& kinds) {
  for (auto const& kind : kinds) {
    require_input(kind == "full" || kind == "layer",
                  "analysis.kinds names '" + kind + "'; give full, layer or both.");
  }
}

std::int64_t evaluated(AnalysisConfig const& config, Split split, std::int64_t count) {
  auto const other = split == Split::train ? SplitChoice::test : SplitChoice::train;
  if (config.split == other) return 0;
  return config.samples == 0 ? count : std::min(config.samples, count);
}

/// Every model whose end points are needed, with the partners of its layer paths.
Bases sweep_bases(RoundPlan const& plan) {
  Bases bases;
  auto const add = [&](std::int64_t base, Partner partner) {
    auto& partners = bases[base];
    if (plan.layer) partners.push_back(partner);
  };
  for (auto const& [a, b] : plan.pairs) {
    add(a, {b, false});
    add(b, {a, true});
  }
  if (plan.clients) {
    for (auto const client : plan.participants) add(client, {kMean, false});
    bases[kMean];
  }
  return bases;
}

std::vector<SampleRange> chunks(std::int64_t samples, std::int64_t batch_size) {
  std::vector<SampleRange> ranges;
  auto const chunk = kChunkBatches * batch_size;
  for (std::int64_t first = 0; first < samples; first += chunk) {
    ranges.push_back({first, std::min(chunk, samples - first)});
  }
  return ranges;
}

void add_sweeps(RoundPlan& plan, Split split, Bases const& bases, std::size_t partners_at_once,
                std::vector<SampleRange> const& ranges) {
  for (auto const& [base, partners] : bases) {
    std::size_t begin = 0;
    do {
      auto const end = std::min(partners.size(), begin + partners_at_once);
      Unit unit{Unit::Kind::sweep, split, base, kNobody, {}, {}, begin == 0};
      for (std::size_t p = begin; p < end; ++p) unit.partners.push_back(partners[p]);
      for (auto const& range : ranges) {
        unit.samples = range;
        plan.units.push_back(unit);
      }
      begin = end;
    } while (begin < partners.size());
  }
}

void add_full(RoundPlan& plan, Split split, std::vector<SampleRange> const& ranges) {
  for (auto const& [a, b] : plan.pairs) {
    for (auto const& range : ranges) {
      plan.units.push_back({Unit::Kind::full, split, a, b, {}, range, false});
    }
  }
}

void add_geometry(RoundPlan& plan) {
  auto const add = [&](std::int64_t a, std::int64_t b) {
    plan.units.push_back({Unit::Kind::geometry, Split::train, a, b, {}, {}, false});
  };
  for (auto const& [a, b] : plan.pairs) add(a, b);
  for (auto const client : plan.participants) {
    add(client, kMean);
    add(client, kInitialisation);
  }
}

}  // namespace

std::vector<double> RoundPlan::steps(bool reversed) const {
  if (clients) return {1.0};
  std::vector<double> result;
  for (double const alpha : alphas) {
    double const step = reversed ? 1.0 - alpha : alpha;
    if (step > 0.0) result.push_back(step);
  }
  return result;
}

std::vector<double> RoundPlan::interior() const {
  std::vector<double> result;
  for (double const alpha : alphas) {
    if (alpha > 0.0 && alpha < 1.0) result.push_back(alpha);
  }
  return result;
}

std::size_t RoundPlan::values(Unit const& unit, std::size_t layers) const {
  switch (unit.kind) {
    case Unit::Kind::sweep:
      return 2 + unit.partners.size() * layers * steps(false).size() * 2;
    case Unit::Kind::full:
      return interior().size() * 2;
    case Unit::Kind::geometry:
      break;
  }
  return layers * 4;
}

RoundPlan plan_round(AnalysisConfig const& config, std::vector<double> alphas,
                     LayerTable const& table, PairSelection const& selection, std::uint64_t seed,
                     std::int64_t round, std::vector<std::int64_t> participants,
                     std::int64_t train_count, std::int64_t test_count) {
  check_kinds(config.kinds);
  RoundPlan plan;
  plan.round = round;
  plan.alphas = std::move(alphas);
  plan.full = asked(config, "full");
  plan.layer = asked(config, "layer");
  plan.clients = selection.kind == PairSelection::Kind::clients;
  plan.pairs = select_pairs(selection, participants, seed, round);
  plan.skipped = skipped_pairs(selection, participants, round);
  plan.participants = std::move(participants);

  auto const row_bytes = 4 * std::max<std::int64_t>(1, table.parameter_count + table.buffer_count);
  auto const at_once = std::max<std::int64_t>(1, config.memory / row_bytes);
  auto const bases = plan.full || plan.layer ? sweep_bases(plan) : Bases{};
  for (auto const split : kSplits) {
    auto const count = split == Split::train ? train_count : test_count;
    auto const samples = evaluated(config, split, count);
    plan.samples[static_cast<std::size_t>(split)] = samples;
    auto const ranges = chunks(samples, config.batch_size);
    add_sweeps(plan, split, bases, static_cast<std::size_t>(at_once), ranges);
    if (plan.full) add_full(plan, split, ranges);
  }
  add_geometry(plan);
  return plan;
}

}  // namespace fedstrata
