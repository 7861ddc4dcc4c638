#include "experiments/sweep/forecast.hpp"

#include <algorithm>
#include <string>

#include "common/store/records.hpp"
#include "experiments/view/run_progress.hpp"

namespace fedstrata {
namespace {

/// A cell that is done.
struct Known {
  std::vector<std::string> values;  ///< by column
  double seconds_a_round = 0.0;
};

std::vector<std::string> values_of(SweepCell const& cell, std::vector<std::string> const& columns) {
  std::vector<std::string> values;
  for (auto const& column : columns) values.push_back(cell.value(column));
  return values;
}

double rounds_of(SweepCell const& cell) {
  return static_cast<double>(std::max<std::int64_t>(1, cell.config.federation.rounds));
}

/// The mean pace of the cells that are most like these values.
double pace(std::vector<std::string> const& values, std::vector<Known> const& known) {
  std::size_t best = 0;
  double sum = 0.0;
  int count = 0;
  for (auto const& other : known) {
    std::size_t equal = 0;
    for (std::size_t k = 0; k < values.size(); ++k) equal += values[k] == other.values[k] ? 1 : 0;
    if (count == 0 || equal > best) {
      best = equal;
      sum = 0.0;
      count = 0;
    }
    if (equal == best) {
      sum += other.seconds_a_round;
      ++count;
    }
  }
  return count == 0 ? kAbsent : sum / count;
}

}  // namespace

std::vector<double> forecast_cells(Sweep const& sweep, std::vector<CellStatus> const& status) {
  auto columns = sweep_columns(sweep.file);
  std::erase(columns, "run.seed");
  std::vector<double> seconds(sweep.cells.size(), kAbsent);
  std::vector<Known> known;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    auto const& cell = sweep.cells[i];
    if (status[i].stage != CellStage::done) continue;
    seconds[i] = read_progress(sweep.directory.run(cell.name)).seconds;
    known.push_back({values_of(cell, columns), seconds[i] / rounds_of(cell)});
  }
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    auto const& cell = sweep.cells[i];
    if (status[i].stage == CellStage::done) continue;
    double rounds = rounds_of(cell);
    if (status[i].stage == CellStage::running || status[i].stage == CellStage::interrupted) {
      auto const done = read_progress(sweep.directory.run(cell.name)).round;
      rounds -= static_cast<double>(std::max<std::int64_t>(0, done));
    }
    seconds[i] = pace(values_of(cell, columns), known) * rounds;
  }
  return seconds;
}

}  // namespace fedstrata
