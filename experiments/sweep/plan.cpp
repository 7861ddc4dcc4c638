#include <algorithm>
#include <cstdio>
#include <map>

#include "experiments/sweep/actions.hpp"
#include "experiments/sweep/forecast.hpp"
#include "experiments/view/run_progress.hpp"

namespace fedstrata {
namespace {

/// "60 cells: 12 done, 48 not started".
void print_counts(std::vector<CellStatus> const& status) {
  std::map<CellStage, int> counts;
  for (auto const& one : status) ++counts[one.stage];
  std::string separator = ": ";
  std::printf("%zu cells", status.size());
  for (auto const& [stage, count] : counts) {
    std::printf("%s%d %s", separator.c_str(), count, name_of(stage));
    separator = ", ";
  }
  std::printf("\n");
}

/// What a cell that began has done so far.
std::string progress_text(Sweep const& sweep, SweepCell const& cell) {
  auto const progress = read_progress(sweep.directory.run(cell.name));
  auto const rounds = cell.config.federation.rounds;
  std::string text = "round " + std::to_string(std::max<std::int64_t>(progress.round, 0)) + "/" +
                     std::to_string(rounds);
  if (progress.rate > 0.0) {
    text += ", " + time_text(static_cast<double>(rounds - progress.round) / progress.rate) +
            " left at that rate";
  }
  return text;
}

}  // namespace

int plan_sweep(Sweep const& sweep, int jobs) {
  auto const status = sweep.status();
  auto const forecast = forecast_cells(sweep, status);
  std::printf("sweep %s in %s\n", sweep.file.name.c_str(), sweep.directory.path().string().c_str());
  std::size_t width = 4;
  for (auto const& cell : sweep.cells) width = std::max(width, cell.name.size());
  double left = 0.0;
  std::size_t unfinished = 0;
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    bool const done = status[i].stage == CellStage::done;
    std::printf("  %-*s  %-11s  %5lld rounds  %s%s\n", static_cast<int>(width),
                sweep.cells[i].name.c_str(), name_of(status[i].stage),
                static_cast<long long>(sweep.cells[i].config.federation.rounds),
                done ? "took " : "", time_text(forecast[i]).c_str());
    if (!done) {
      ++unfinished;
      left += forecast[i];
    }
  }
  print_counts(status);
  if (unfinished == 0) return 0;
  if (left != left) {  // nothing to go by
    std::printf("What it costs is known when a first cell is done.\n");
    return 0;
  }
  int const at_a_time = jobs_of(sweep, jobs);
  std::printf(
      "still to come: %s of %d %s; about %s here, %d at a time (--jobs)\n", time_text(left).c_str(),
      sweep.file.ranks, sweep.file.ranks == 1 ? "rank" : "ranks",
      time_text(left / std::min<double>(at_a_time, static_cast<double>(unfinished))).c_str(),
      at_a_time);
  return 0;
}

int show_status(Sweep const& sweep) {
  auto const status = sweep.status();
  print_counts(status);
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    auto const stage = status[i].stage;
    auto const& cell = sweep.cells[i];
    std::string detail;
    if (stage == CellStage::running || stage == CellStage::interrupted) {
      detail = progress_text(sweep, cell);
    } else if (stage == CellStage::failed) {
      detail = status[i].error;
    } else {
      continue;  // the counts say it all
    }
    std::printf("%-11s  %s  %s\n", name_of(stage), cell.name.c_str(), detail.c_str());
  }
  return 0;
}

}  // namespace fedstrata
