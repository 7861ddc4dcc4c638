#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/error.hpp"
#include "common/hdf5.hpp"
#include "common/log.hpp"
#include "common/run_directory.hpp"
#include "common/run_files.hpp"
#include "common/text.hpp"
#include "common/version.hpp"
#include "experiments/barrier_summary.hpp"
#include "experiments/column_table.hpp"
#include "experiments/run_progress.hpp"
#include "experiments/sweep.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kSweepFormat = 1;

/// A cell that has a run.
struct Collected {
  std::size_t index;  ///< of the cell in the sweep
  std::string model;
  std::string dataset;
  std::vector<RoundRecord> rounds;
  std::vector<std::pair<std::string, std::vector<BarrierSummary>>> analyses;
};

/// What all cells have in common, or else "several".
std::string common(std::vector<Collected> const& cells, std::string Collected::* member) {
  for (auto const& cell : cells) {
    if (cell.*member != cells.front().*member) return "several";
  }
  return cells.front().*member;
}

/// The columns that every table begins with: number of the cell, values of the axes.
class CellColumns {
 public:
  CellColumns(ColumnTable& table, Sweep const& sweep) : table_(table), sweep_(sweep) {
    cell_ = table.add<std::int64_t>("cell");
    for (auto const& key : sweep_columns(sweep.file)) {
      std::vector<std::string> values;
      for (auto const& cell : sweep.cells) values.push_back(cell.value(key));
      axes_.emplace_back(key, table.add_fitting(key, values));
    }
  }

  void put(std::size_t index) {
    table_.put(cell_, static_cast<std::int64_t>(index));
    for (auto const& [key, column] : axes_) {
      table_.put_text(column, sweep_.cells[index].value(key));
    }
  }

 private:
  ColumnTable& table_;
  Sweep const& sweep_;
  std::size_t cell_ = 0;
  std::vector<std::pair<std::string, std::size_t>> axes_;
};

/// Columns of a table that come from the fields of a struct.
template <class Row>
class RowColumns {
 public:
  struct Number {
    char const* name;
    double Row::*member;
  };
  RowColumns(ColumnTable& table, std::vector<Number> numbers)
      : table_(table), numbers_(std::move(numbers)) {
    for (auto const& number : numbers_) places_.push_back(table.add<double>(number.name));
  }
  void put(Row const& row) {
    for (std::size_t k = 0; k < numbers_.size(); ++k) {
      table_.put(places_[k], row.*(numbers_[k].member));
    }
  }

 private:
  ColumnTable& table_;
  std::vector<Number> numbers_;
  std::vector<std::size_t> places_;
};

std::optional<Collected> read_cell(Sweep const& sweep, std::size_t index) {
  auto const directory = sweep.directory.run(sweep.cells[index].name);
  if (!std::filesystem::exists(directory / RunNames::kIndex)) return std::nullopt;
  try {
    auto const run = RunDirectory::open(directory, Verify::tables);
    auto const& header = run.header();
    Collected result{index, header.model, header.dataset.name, run.round_records(), {}};
    for (auto const& name : run.analysis_names()) {
      result.analyses.emplace_back(name, summarize(run.barrier_records(name)));
    }
    return result;
  } catch (Error const& error) {
    log::warning(std::string("left out: ") + error.what());
    return std::nullopt;
  }
}

/// What the table of rounds has of barriers: of the analysis during the run, or else of the first.
struct RoundBarriers {
  double loss = kAbsent;  ///< full
  double error = kAbsent;
  double layer_loss = kAbsent;  ///< the layer with the highest barrier
  double layer_error = kAbsent;
};

RoundBarriers barriers_of(Collected const& cell, std::int64_t round, std::string const& split) {
  RoundBarriers result;
  if (cell.analyses.empty()) return result;
  auto const insitu = std::find_if(cell.analyses.begin(), cell.analyses.end(),
                                   [](auto const& one) { return one.first == "insitu"; });
  auto const& chosen = insitu == cell.analyses.end() ? cell.analyses.front() : *insitu;
  for (auto const& row : chosen.second) {
    if (row.round != round || row.split != split || row.partner != "clients") continue;
    if (row.kind == "full") {
      result.loss = row.loss_mid;
      result.error = row.error_mid;
    } else if (row.kind == "layer") {
      result.layer_loss = std::fmax(result.layer_loss, row.loss_mid);
      result.layer_error = std::fmax(result.layer_error, row.error_mid);
    }
  }
  return result;
}

ColumnTable round_table(Sweep const& sweep, std::vector<Collected> const& cells) {
  ColumnTable table;
  CellColumns about(table, sweep);
  std::vector<std::size_t> places;
  for (auto const& field : RoundRecord::fields()) {
    places.push_back(field.type == FieldType::int64 ? table.add<std::int64_t>(field.name)
                                                    : table.add<double>(field.name));
  }
  std::vector<RowColumns<RoundBarriers>> barriers;
  std::vector<std::string> const splits = {"train", "test"};
  std::vector<std::vector<std::string>> names;
  for (auto const& split : splits) {
    names.push_back({"barrier_" + split + "_loss", "barrier_" + split + "_error",
                     "barrier_" + split + "_layer_loss", "barrier_" + split + "_layer_error"});
    auto const& n = names.back();
    barriers.emplace_back(table, std::vector<RowColumns<RoundBarriers>::Number>{
                                     {n[0].c_str(), &RoundBarriers::loss},
                                     {n[1].c_str(), &RoundBarriers::error},
                                     {n[2].c_str(), &RoundBarriers::layer_loss},
                                     {n[3].c_str(), &RoundBarriers::layer_error}});
  }
  for (auto const& cell : cells) {
    for (auto const& record : cell.rounds) {
      about.put(cell.index);
      auto const* bytes = reinterpret_cast<std::byte const*>(&record);
      for (std::size_t k = 0; k < places.size(); ++k) {
        auto const& field = RoundRecord::fields()[k];
        if (field.type == FieldType::int64) {
          std::int64_t value = 0;
          std::memcpy(&value, bytes + field.offset, sizeof(value));
          table.put(places[k], value);
        } else {
          double value = 0;
          std::memcpy(&value, bytes + field.offset, sizeof(value));
          table.put(places[k], value);
        }
      }
      for (std::size_t k = 0; k < splits.size(); ++k) {
        barriers[k].put(barriers_of(cell, record.round, splits[k]));
      }
    }
  }
  return table;
}

ColumnTable barrier_table(Sweep const& sweep, std::vector<Collected> const& cells) {
  using Row = BarrierSummary;
  ColumnTable table;
  CellColumns about(table, sweep);
  auto const analysis = table.add<std::string>("analysis");
  auto const round = table.add<std::int64_t>("round");
  auto const split = table.add<std::string>("split");
  auto const kind = table.add<std::string>("kind");
  auto const target = table.add<std::string>("target");
  auto const partner = table.add<std::string>("partner");
  auto const curves = table.add<std::int64_t>("curves");
  RowColumns<Row> numbers(table, {{"loss_mid", &Row::loss_mid},
                                  {"loss_mid_least", &Row::loss_mid_least},
                                  {"loss_mid_most", &Row::loss_mid_most},
                                  {"loss_path", &Row::loss_path},
                                  {"loss_swap", &Row::loss_swap},
                                  {"error_mid", &Row::error_mid},
                                  {"error_mid_least", &Row::error_mid_least},
                                  {"error_mid_most", &Row::error_mid_most},
                                  {"error_path", &Row::error_path},
                                  {"error_swap", &Row::error_swap},
                                  {"loss_ends", &Row::loss_ends},
                                  {"error_ends", &Row::error_ends}});
  for (auto const& cell : cells) {
    for (auto const& [name, rows] : cell.analyses) {
      for (auto const& row : rows) {
        about.put(cell.index);
        table.put(analysis, name);
        table.put(round, row.round);
        table.put(split, row.split);
        table.put(kind, row.kind);
        table.put(target, row.target);
        table.put(partner, row.partner);
        table.put(curves, row.curves);
        numbers.put(row);
      }
    }
  }
  return table;
}

/// All cells of the sweep, those without a run too.
ColumnTable cell_table(Sweep const& sweep, std::vector<CellStatus> const& status) {
  ColumnTable table;
  CellColumns about(table, sweep);
  auto const name = table.add<std::string>("name");
  auto const stage = table.add<std::string>("stage");
  auto const rounds = table.add<std::int64_t>("rounds");
  auto const seconds = table.add<double>("seconds");
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    auto const progress = read_progress(sweep.directory.run(sweep.cells[i].name));
    about.put(i);
    table.put(name, sweep.cells[i].name);
    table.put(stage, std::string(name_of(status[i].stage)));
    table.put(rounds, std::max<std::int64_t>(0, progress.round));
    table.put(seconds, progress.seconds);
  }
  return table;
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
  auto const done = std::count_if(status.begin(), status.end(),
                                  [](auto const& one) { return one.stage == CellStage::done; });
  std::printf("%s: %zu of %zu cells, %lld of them done, %zu rounds, %zu rows of barriers\n",
              sweep.directory.collected().c_str(), cells.size(), sweep.cells.size(),
              static_cast<long long>(done), rounds.rows(), barriers.rows());
  return 0;
}

}  // namespace fedstrata
