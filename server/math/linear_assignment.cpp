#include "server/math/linear_assignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "common/base/error.hpp"

// Exact, in O(n^3), for the n units of a layer: layers of a few thousand units have to be matched
// for every pair of models. Prices are kept from row to row, so most rows need only a short search.

namespace fedstrata {
namespace {

constexpr auto kNone = std::numeric_limits<std::size_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Keeps dual prices with row_price[i] + column_price[j] <= cost(i, j), equal where i has j, and
/// gives one row after another a column: along the path on which prices have to change least.
class Assignment {
 public:
  Assignment(std::span<double const> values, std::size_t n, double sign)
      : values_(values),
        n_(n),
        sign_(sign),
        row_price_(n),
        column_price_(n, kInfinity),
        column_of_(n, kNone),
        row_of_(n, kNone),
        reached_from_(n),
        distance_(n) {}

  std::vector<std::int64_t> solve() {
    start();
    for (std::size_t row = 0; row < n_; ++row) {
      if (column_of_[row] == kNone) augment(row);
    }
    return {column_of_.begin(), column_of_.end()};
  }

 private:
  double cost(std::size_t row, std::size_t column) const {
    return sign_ * values_[row * n_ + column];
  }

  /// The least prices possible; rows whose cheapest column is still free get it.
  void start() {
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        column_price_[j] = std::min(column_price_[j], cost(i, j));
      }
    }
    for (std::size_t i = 0; i < n_; ++i) {
      std::size_t best = 0;
      for (std::size_t j = 1; j < n_; ++j) {
        if (cost(i, j) - column_price_[j] < cost(i, best) - column_price_[best]) best = j;
      }
      row_price_[i] = cost(i, best) - column_price_[best];
      if (row_of_[best] == kNone) give(i, best);
    }
  }

  void give(std::size_t row, std::size_t column) {
    column_of_[row] = column;
    row_of_[column] = row;
  }

  void augment(std::size_t row) {
    auto const [column, length] = search(row);
    row_price_[row] += length;
    for (auto const j : done_) {
      auto const slack = length - distance_[j];
      column_price_[j] -= slack;
      row_price_[row_of_[j]] += slack;
    }
    for (auto j = column; true;) {
      auto const i = reached_from_[j];
      auto const next = column_of_[i];
      give(i, j);
      if (i == row) return;
      j = next;
    }
  }

  struct Path {
    std::size_t column;
    double length;
  };

  /// Dijkstra's algorithm from `row` to the nearest free column; leaves in done_ the columns nearer
  /// than that, with their distances.
  Path search(std::size_t row) {
    std::ranges::fill(distance_, kInfinity);
    open_.resize(n_);
    for (std::size_t j = 0; j < n_; ++j) open_[j] = j;
    done_.clear();
    double length = 0.0;
    for (auto from = row; true;) {
      auto const place = relax(from, length);
      auto const column = open_[place];
      length = distance_[column];
      if (row_of_[column] == kNone) return {column, length};
      done_.push_back(column);
      open_[place] = open_.back();
      open_.pop_back();
      from = row_of_[column];
    }
  }

  /// Shortens distances by way of row `from`; returns the place in open_ of the nearest column, a
  /// free one if there is.
  std::size_t relax(std::size_t from, double length) {
    double const base = length - row_price_[from];
    double nearest = kInfinity;
    std::size_t best = 0;
    for (std::size_t place = 0; place < open_.size(); ++place) {
      auto const j = open_[place];
      double const through = base + cost(from, j) - column_price_[j];
      if (through < distance_[j]) {
        distance_[j] = through;
        reached_from_[j] = from;
      }
      if (distance_[j] < nearest || (distance_[j] == nearest && row_of_[j] == kNone)) {
        nearest = distance_[j];
        best = place;
      }
    }
    return best;
  }

  std::span<double const> values_;
  std::size_t n_;
  double sign_;
  std::vector<double> row_price_, column_price_;
  std::vector<std::size_t> column_of_, row_of_;  ///< the assignment, both ways
  std::vector<std::size_t> reached_from_;        ///< row before each column on its shortest path
  std::vector<double> distance_;                 ///< of each column from the row being placed
  std::vector<std::size_t> open_, done_;  ///< columns whose distance may still shrink, or not
};

}  // namespace

std::vector<std::int64_t> linear_assignment(std::span<double const> values, std::int64_t n,
                                            Goal goal) {
  auto const size = static_cast<std::size_t>(n);
  require(n >= 0 && values.size() == size * size, "an assignment of " + std::to_string(n) +
                                                      " needs a square matrix, not " +
                                                      std::to_string(values.size()) + " values");
  require(std::ranges::all_of(values, [](double v) { return std::isfinite(v); }),
          "an assignment needs finite values");
  return Assignment(values, size, goal == Goal::minimise ? 1.0 : -1.0).solve();
}

}  // namespace fedstrata
