#include "server/results/draw_means.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

namespace fedstrata {
namespace {

using Column = double BarrierRecord::*;

/// The 97.5 % quantile of Student's t: a table, then Cornish and Fisher's expansion.
double t_quantile(std::size_t degrees) {
  constexpr std::array kTable{12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836};
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  constexpr double z = 1.959963984540054;
  auto const n = static_cast<double>(degrees);
  double const z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

struct Interval {
  double mean = kAbsent;
  double half = kAbsent;
};

Interval interval(std::vector<BarrierRecord const*> const& rows, Column column) {
  auto const n = static_cast<double>(rows.size());
  double sum = 0.0;
  for (auto const* row : rows) sum += row->*column;
  Interval result{sum / n, kAbsent};
  if (rows.size() < 2) return result;
  double squares = 0.0;
  for (auto const* row : rows)
    squares += (row->*column - result.mean) * (row->*column - result.mean);
  result.half = t_quantile(rows.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return result;
}

/// The mean of a column; the value itself where all draws have it.
double mean(std::vector<BarrierRecord const*> const& rows, Column column) {
  auto const first = rows.front()->*column;
  bool const one =
      std::ranges::all_of(rows, [&](auto const* row) { return row->*column == first; });
  return one ? first : interval(rows, column).mean;
}

}  // namespace

std::vector<BarrierRecord> draw_means(std::vector<BarrierRecord> const& rows) {
  using R = BarrierRecord;
  struct Triple {
    Column value, low, high;
  };
  static std::array const kColumns{Triple{&R::loss_mid, &R::loss_mid_low, &R::loss_mid_high},
                                   Triple{&R::loss_path, &R::loss_path_low, &R::loss_path_high},
                                   Triple{&R::loss_swap, &R::loss_swap_low, &R::loss_swap_high},
                                   Triple{&R::error_mid, &R::error_mid_low, &R::error_mid_high},
                                   Triple{&R::error_path, &R::error_path_low, &R::error_path_high},
                                   Triple{&R::error_swap, &R::error_swap_low, &R::error_swap_high}};
  auto const key = [](R const& r) {
    return std::tuple(r.round, r.split, r.kind, r.target, r.a, r.b, r.rest);
  };
  std::map<decltype(key(rows.front())), std::vector<R const*>> drawn;
  for (auto const& row : rows) drawn[key(row)].push_back(&row);
  std::vector<R> means;
  for (auto const& [which, draws] : drawn) {
    auto record = *draws.front();
    record.draw = -1;
    record.alpha_path = record.loss_sup = record.alpha_sup = record.loss_predicted = kAbsent;
    for (auto const column : {&R::loss_a, &R::loss_b, &R::error_a, &R::error_b}) {
      record.*column = mean(draws, column);
    }
    for (auto const& column : kColumns) {
      auto const [middle, half] = interval(draws, column.value);
      record.*column.value = middle;
      record.*column.low = middle - half;
      record.*column.high = middle + half;
    }
    means.push_back(record);
  }
  return means;
}

}  // namespace fedstrata
