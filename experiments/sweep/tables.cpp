#include "experiments/sweep/tables.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/config/analysis/kinds.hpp"
#include "experiments/view/run_progress.hpp"

// One table of all cells. Columns are those that the sweep varies, with values as they were set;
// cells without a result have a row too, so that a figure can tell what is missing.

namespace fedstrata {
namespace {

/// The columns that every table begins with: number and names of the cell, values of the axes.
class CellColumns {
 public:
  CellColumns(ColumnTable& table, Sweep const& sweep) : table_(table), sweep_(sweep) {
    cell_ = table.add<std::int64_t>("cell");
    name_ = table.add<std::string>("name");
    label_ = table.add<std::string>("label");
    for (auto const& key : sweep_columns(sweep.file)) {
      std::vector<std::string> values;
      for (auto const& cell : sweep.cells) values.push_back(cell.value(key));
      axes_.emplace_back(key, table.add_fitting(key, values));
    }
  }

  void put(std::size_t index) {
    auto const& cell = sweep_.cells[index];
    table_.put(cell_, static_cast<std::int64_t>(index));
    table_.put(name_, cell.name);
    table_.put(label_, cell.label);
    for (auto const& [key, column] : axes_) {
      table_.put_text(column, cell.value(key));
    }
  }

 private:
  ColumnTable& table_;
  Sweep const& sweep_;
  std::size_t cell_ = 0;
  std::size_t name_ = 0;
  std::size_t label_ = 0;
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

/// The columns of /metrics/rounds.
class RecordColumns {
 public:
  explicit RecordColumns(ColumnTable& table) : table_(table) {
    for (auto const& field : RoundRecord::fields()) {
      places_.push_back(field.type == FieldType::int64 ? table.add<std::int64_t>(field.name)
                                                       : table.add<double>(field.name));
    }
  }
  void put(RoundRecord const& record) {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      auto const& field = RoundRecord::fields()[k];
      auto const* bytes = reinterpret_cast<std::byte const*>(&record) + field.offset;
      if (field.type == FieldType::int64) {
        put_as<std::int64_t>(places_[k], bytes);
      } else {
        put_as<double>(places_[k], bytes);
      }
    }
  }

 private:
  template <class Value>
  void put_as(std::size_t place, std::byte const* bytes) {
    Value value{};
    std::memcpy(&value, bytes, sizeof(value));
    table_.put(place, value);
  }

  ColumnTable& table_;
  std::vector<std::size_t> places_;
};

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
    if (row.kind == kFullKind) {
      result.loss = row.loss_mid;
      result.error = row.error_mid;
    } else if (row.kind == kLayerKind) {
      result.layer_loss = std::fmax(result.layer_loss, row.loss_mid);
      result.layer_error = std::fmax(result.layer_error, row.error_mid);
    }
  }
  return result;
}

}  // namespace

ColumnTable round_table(Sweep const& sweep, std::vector<Collected> const& cells) {
  ColumnTable table;
  CellColumns about(table, sweep);
  RecordColumns record_columns(table);
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
      record_columns.put(record);
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

ColumnTable cell_table(Sweep const& sweep, std::vector<CellStatus> const& status) {
  ColumnTable table;
  CellColumns about(table, sweep);
  auto const stage = table.add<std::string>("stage");
  auto const rounds = table.add<std::int64_t>("rounds");
  auto const seconds = table.add<double>("seconds");
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    auto const progress = read_progress(sweep.directory.run(sweep.cells[i].name));
    about.put(i);
    table.put(stage, std::string(name_of(status[i].stage)));
    table.put(rounds, std::max<std::int64_t>(0, progress.round));
    table.put(seconds, progress.seconds);
  }
  return table;
}

}  // namespace fedstrata
