#include "server/results/round_sums.hpp"

#include <cmath>
#include <iterator>

#include "common/store/records.hpp"
#include "server/engine/barrier_engine.hpp"

namespace fedstrata {
namespace {

/// Between two ends; exactly their value when they are equal.
double chord(double from, double to, double alpha) { return from + alpha * (to - from); }

double rise(std::map<double, double> const& losses, double alpha) {
  return losses.at(alpha) - chord(losses.begin()->second, losses.rbegin()->second, alpha);
}

/// Sum over samples of the square of `at(sample)`.
template <class At>
double sum_of_squares(std::int64_t samples, At at) {
  double sum = 0.0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i) {
    double const value = at(i);
    sum += value * value;
  }
  return sum;
}

/// A combination of rows, sample by sample.
template <class Row>
double squares_of(Combination const& combination, std::int64_t samples, Row row) {
  std::vector<double> sums(static_cast<std::size_t>(samples), 0.0);
  for (auto const& term : combination) {
    auto const values = row(term.point);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] += term.factor * static_cast<double>(values[i]);
    }
  }
  return sum_of_squares(samples, [&](std::size_t i) { return sums[i]; });
}

template <class Row>
double squares_of(Rise const& rise, std::int64_t samples, Row row) {
  auto const point = row(rise.point), first = row(rise.first), last = row(rise.last);
  return sum_of_squares(samples, [&](std::size_t i) {
    return static_cast<double>(point[i]) -
           chord(static_cast<double>(first[i]), static_cast<double>(last[i]), rise.alpha);
  });
}

double half_width(double mean, double squares, std::int64_t n) {
  constexpr double kNormal95 = 1.959963984540054;
  if (n < 2) return kAbsent;
  auto const count = static_cast<double>(n);
  double const variance = std::max(0.0, squares - count * mean * mean) / (count - 1.0);
  return kNormal95 * std::sqrt(variance / count);
}

}  // namespace

std::size_t squares_count(Curve const& curve) { return 2 + curve.rises.size(); }

std::vector<Value> squares(Curve const& curve, SampleLosses const& losses, std::int64_t samples) {
  auto const loss = [&](int point) { return losses.loss(point); };
  auto const error = [&](int point) { return losses.error(point); };
  std::vector<Value> result;
  auto const add = [&](auto const& what) {
    result.push_back({squares_of(what, samples, loss), squares_of(what, samples, error)});
  };
  add(curve.mid);
  add(curve.swap);
  for (auto const& one : curve.rises) add(one);
  return result;
}

Value RoundSums::mean(CurveSums const& sums, int point) const {
  auto const& value = sums.points.at(point);
  auto const count = static_cast<double>(sums.samples);
  return {value.loss / count, value.error / count};
}

Value RoundSums::value(CurveSums const& sums, Combination const& combination) const {
  if (combination.empty()) return {kAbsent, kAbsent};
  Value result;
  for (auto const& term : combination) {
    auto const point = mean(sums, term.point);
    result.loss += term.factor * point.loss;
    result.error += term.factor * point.error;
  }
  return result;
}

Value RoundSums::value(CurveSums const& sums, Rise const& rise) const {
  auto const point = mean(sums, rise.point);
  auto const first = mean(sums, rise.first), last = mean(sums, rise.last);
  return {point.loss - chord(first.loss, last.loss, rise.alpha),
          point.error - chord(first.error, last.error, rise.alpha)};
}

Value half_width(Value const& mean, Value const& squares, std::int64_t n) {
  return {half_width(mean.loss, squares.loss, n), half_width(mean.error, squares.error, n)};
}

std::optional<double> next_alpha(std::map<double, double> const& losses, double tolerance) {
  constexpr double kGolden = 0.381966011250105;
  auto const top = losses.find(highest_rise(losses).second);
  double const low = std::prev(top)->first;
  double const high = std::next(top)->first;
  if (high - low <= 2.0 * tolerance) return std::nullopt;
  bool const above = high - top->first >= top->first - low;
  return above ? top->first + kGolden * (high - top->first)
               : top->first - kGolden * (top->first - low);
}

std::pair<double, double> highest_rise(std::map<double, double> const& losses) {
  std::pair<double, double> best{kAbsent, kAbsent};
  for (auto at = std::next(losses.begin()); at != std::prev(losses.end()); ++at) {
    double const height = rise(losses, at->first);
    if (std::isnan(best.first) || height > best.first) best = {height, at->first};
  }
  return best;
}

}  // namespace fedstrata
