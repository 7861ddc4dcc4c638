#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"
#include "common/store/run.hpp"
#include "common/store/upkeep/cleaning.hpp"
#include "experiments/sweep/actions.hpp"
#include "experiments/sweep/tables.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kSweepFormat = 1;

/// What all cells have in common, or else "several".
std::string common(std::vector<Collected> const& cells, std::string Collected::*member) {
  for (auto const& cell : cells) {
    if (cell.*member != cells.front().*member) return "several";
  }
  return cells.front().*member;
}

std::optional<Collected> read_cell(Sweep const& sweep, std::size_t index) {
  auto const directory = sweep.directory.run(sweep.cells[index].name);
  if (!std::filesystem::exists(directory / RunNames::kIndex)) return std::nullopt;
  try {
    auto const run = Run::open(directory, Verify::tables);
    auto const& header = run.header();
    Collected result{index, header.model, header.dataset.name, run.metrics<RoundRecord>(), {}};
    for (auto const& name : run.analysis_names()) {
      result.analyses.emplace_back(name, summarize(run.analysis<BarrierRecord>(name)));
    }
    tidy_run(directory);
    return result;
  } catch (Error const& error) {
    log::warning(std::string("left out: ") + error.what());
    return std::nullopt;
  }
}

/// What becomes of cells of this stage that have no run yet.
std::string remedy(CellStage stage) {
  if (stage == CellStage::running || stage == CellStage::queued) return "collect again later";
  return std::string("`fedstrata sweep run` ") +
         (stage == CellStage::missing ? "starts them" : "starts them again");
}

/// Names the cells that are not among the `collected`, and what to do about them.
void tell_missing(Sweep const& sweep, std::vector<CellStatus> const& status,
                  std::vector<Collected> const& collected) {
  std::map<CellStage, std::vector<std::string>> names;
  auto next = collected.begin();
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    auto const& name = sweep.cells[i].name;
    if (next != collected.end() && next->index == i) {
      ++next;
    } else if (status[i].stage == CellStage::failed) {
      log::warning("left out: " + name + " failed: " + status[i].error);
    } else if (!std::filesystem::exists(sweep.directory.run(name) / RunNames::kIndex)) {
      names[status[i].stage].push_back(name);
    }  // else reading it said why
  }
  for (auto& [stage, of_stage] : names) {
    auto const count = of_stage.size();
    of_stage.resize(std::min(count, kMostLines));
    log::warning(
        "left out: " + join(of_stage, ", ") +
        (count > kMostLines ? " and " + std::to_string(count - kMostLines) + " more" : "") + ": " +
        name_of(stage) + "; " + remedy(stage));
  }
}

}  // namespace

int collect_sweep(Sweep const& sweep) {
  std::vector<Collected> cells;
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    if (auto cell = read_cell(sweep, i)) cells.push_back(std::move(*cell));
  }
  require_input(!cells.empty(), "no cell of " + sweep.file.source + " has a run in " +
                                    quoted(sweep.directory.path()) +
                                    " yet; start some with fedstrata sweep run or submit");
  auto const rounds = round_table(sweep, cells);
  auto const barriers = barrier_table(sweep, cells);
  auto const status = sweep.status();
  tell_missing(sweep, status, cells);
  NewFile target(sweep.directory.collected());
  auto file = hdf5::File::create(target.temporary());
  file.set("/", "format", std::string("fedstrata-sweep"));
  file.set("/", "format_version", kSweepFormat);
  file.set("/", "software_version", software_version());
  file.set("/", "name", sweep.file.name);
  file.set("/", "sweep", sweep.text);
  file.set("/", "model", common(cells, &Collected::model));
  file.set("/", "dataset", common(cells, &Collected::dataset));
  file.set("/", "axes", join(sweep_columns(sweep.file), ","));
  cell_table(sweep, status).write(file, "/cells");
  rounds.write(file, "/rounds");
  barriers.write(file, "/barriers");
  file.make_group("/runs");
  for (auto const& cell : cells) {
    auto const& name = sweep.cells[cell.index].name;
    file.link("/runs/" + name, "cells/" + name + "/" + RunNames::kIndex, "/");
  }
  file.close();
  target.sync();
  target.publish();
  write_text(sweep.directory.path() / "rounds.csv", rounds.csv());
  write_text(sweep.directory.path() / "barriers.csv", barriers.csv());
  auto const done = std::ranges::count_if(
      cells, [&](auto const& cell) { return status[cell.index].stage == CellStage::done; });
  std::printf("%s: %zu of %zu cells, %lld of them done, %zu rounds, %zu rows of barriers\n",
              sweep.directory.collected().c_str(), cells.size(), sweep.cells.size(),
              static_cast<long long>(done), rounds.rows(), barriers.rows());
  return 0;
}

}  // namespace fedstrata
