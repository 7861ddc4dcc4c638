// The phases of RoundAnalysis: what a phase's results say, and what the next one asks for.
#include <algorithm>
#include <map>
#include <utility>

#include "server/analysis/round_analysis.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kFirstChunks = 4;  // of a sample set, before a tolerance is looked at

}  // namespace

std::int64_t RoundAnalysis::block_end(std::int64_t phase, std::int64_t count) const {
  if (config_.tolerance == 0.0) return count;
  auto const chunks = kFirstChunks << std::min<std::int64_t>(phase, 40);
  return std::min(count, chunks * plan_.chunk);
}

void RoundAnalysis::take(Unit const& unit, std::vector<double> const& values) {
  if (unit.work == Unit::Work::alignment) {
    sums_.alignments[unit.group].assign(values.begin(), values.end());
    return;
  }
  if (unit.work == Unit::Work::comparison) {
    auto& layers = sums_.comparisons[unit.group];
    for (std::size_t i = 0; i + 3 < values.size(); i += 4) {
      layers.push_back({values[i], values[i + 1], values[i + 2], values[i + 3]});
    }
    return;
  }
  auto const& group = *groups_.at({unit.group, unit.set});
  std::map<int, Value> points;
  auto next = values.begin();
  auto const take_value = [&] {
    Value const value{next[0], next[1]};
    next += 2;
    return value;
  };
  for (int const point : group.wanted) points[point] = take_value();
  for (auto const c : group.curves) {
    auto const& curve = plan_.groups[unit.group].curves[c];
    auto& sums = sums_.curves.at({unit.group, unit.set, c});
    sums.samples += unit.count;
    for (int const point : curve.used()) {
      sums.points[point].loss += points.at(point).loss;
      sums.points[point].error += points.at(point).error;
    }
    sums.squares.resize(2 + curve.rises.size());
    for (auto& square : sums.squares) {
      auto const more = take_value();
      square.loss += more.loss;
      square.error += more.error;
    }
  }
  auto const work = take_value();
  work_done_ += work.loss;
  work_plain_ += work.error;
  if (!group.curves.empty()) return;
  for (auto const& [point, value] : points) {
    searched_[{unit.group, unit.set, point}] += value.loss;
  }
}

bool RoundAnalysis::finish_phase(std::vector<std::vector<double>> const& results) {
  searched_.clear();
  for (std::size_t u = 0; u < units_.size(); ++u) take(units_[u], results[u]);
  auto const requests =
      config_.alphas.search_tolerance > 0.0 ? further_search() : further_samples();
  if (requests.empty()) return false;
  enter(phase_ + 1, requests);
  return true;
}

/// Curves whose interval is still too wide, as far as there are samples left.
std::vector<double> RoundAnalysis::further_samples() {
  std::vector<double> requests;
  if (config_.tolerance == 0.0) return requests;
  for (auto& [index, sums] : sums_.curves) {
    auto const [g, set, c] = index;
    auto const& curve = plan_.groups[g].curves[c];
    if (!curve.mid.empty()) {
      auto const width =
          half_width(sums_.value(sums, curve.mid), sums.squares.front(), sums.samples);
      if (2.0 * width.loss < config_.tolerance) sums.active = false;
    }
    if (sums.samples >= plan_.sets[set].count) sums.active = false;
    if (!sums.active) continue;
    for (auto const i : {g, set, c}) requests.push_back(static_cast<double>(i));
    requests.push_back(0.0);
  }
  return requests;
}

/// Points between those that are known, where a curve may be higher.
std::vector<double> RoundAnalysis::further_search() {
  std::vector<double> requests;
  double const tolerance = config_.alphas.search_tolerance;
  if (phase_ > 0) take_searched();
  for (auto& [index, sums] : sums_.curves) {
    auto const [g, set, c] = index;
    auto const& curve = plan_.groups[g].curves[c];
    if (!curve.path) continue;
    if (phase_ == 0) {
      for (auto const& row : curve.points) {
        sums.searched[row.alpha] = sums_.mean(sums, row.point).loss;
      }
    }
    auto const next = next_alpha(sums.searched, tolerance);
    if (!next) continue;
    for (auto const i : {g, set, c}) requests.push_back(static_cast<double>(i));
    requests.push_back(*next);
  }
  return requests;
}

void RoundAnalysis::take_searched() {
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> position;
  for (std::size_t r = 0; r + 3 < requests_.size(); r += 4) {
    auto const index = [&](std::size_t i) { return static_cast<std::size_t>(requests_[r + i]); };
    auto const g = index(0), set = index(1), c = index(2);
    int const point = groups_.at({g, set})->wanted[position[{g, set}]++];
    auto& sums = sums_.curves.at({g, set, c});
    sums.searched[requests_[r + 3]] =
        searched_.at({g, set, point}) / static_cast<double>(plan_.sets[set].count);
  }
}

}  // namespace fedstrata
