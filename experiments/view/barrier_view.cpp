#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "common/base/text.hpp"
#include "common/config/analysis/kinds.hpp"
#include "experiments/view/barrier_summary.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {
namespace {

/// Text on a background that tells sign and size: red above zero, blue below, as in the heat maps.
std::string colored(std::string const& text, double value, double extreme, bool colors) {
  static int const reds[] = {224, 217, 210, 203};
  static int const blues[] = {195, 153, 117, 75};
  double const share = extreme > 0.0 ? std::abs(value) / extreme : 0.0;
  if (!colors || std::isnan(value) || share < 0.1) return text;
  auto const level = std::min(3, static_cast<int>(share * 4.0));
  return "\033[30;48;5;" + std::to_string(value > 0.0 ? reds[level] : blues[level]) + "m" + text +
         "\033[0m";
}

/// Full and layer barriers of one round, by target and split.
struct Table {
  std::vector<std::string> targets;  ///< kFullKind, then layers in the order of the network
  std::vector<std::string> splits;   ///< train before test
  std::map<std::pair<std::string, std::string>, BarrierSummary> cells;

  double value(std::string const& target, std::string const& split, bool error) const {
    auto const found = cells.find({target, split});
    if (found == cells.end()) return kAbsent;
    return error ? found->second.error_mid : found->second.loss_mid;
  }
  double extreme(std::string const& split, bool error) const {
    double largest = 0.0;
    for (auto const& target : targets) {
      largest = std::fmax(largest, std::abs(value(target, split, error)));
    }
    return largest;
  }
};

template <class Value>
bool contains(std::vector<Value> const& values, Value const& value) {
  return std::count(values.begin(), values.end(), value) > 0;
}

Table table_of(std::vector<BarrierSummary> const& rows, std::vector<std::string> const& layers) {
  Table table;
  for (auto const& row : rows) {
    bool const full = row.kind == kFullKind;
    if ((!full && row.kind != kLayerKind) || row.partner != "clients") continue;
    std::string const target = full ? kFullKind : row.target;
    if (!contains(table.targets, target)) table.targets.push_back(target);
    auto& splits = table.splits;
    if (!contains(splits, row.split)) {
      splits.insert(row.split == "train" ? splits.begin() : splits.end(), row.split);
    }
    table.cells[{target, row.split}] = row;
  }
  std::ranges::stable_sort(table.targets, {}, [&](std::string const& target) {
    return target == kFullKind ? -1 : std::ranges::find(layers, target) - layers.begin();
  });
  return table;
}

/// Widths of columns: those of a wide screen, or what a narrow one has room for.
struct Columns {
  std::size_t name = 20;
  std::size_t number = 14;
  std::size_t splits;  ///< beside each other, two numbers each
};

Columns columns_on(Screen const& screen, std::size_t splits) {
  constexpr std::size_t kMargin = 2, kLeastName = 10, kLeastNumber = 7;
  Columns columns{.splits = splits};
  auto const room = screen.width - kMargin;
  if (screen.width == 0 || room >= columns.name + 2 * splits * columns.number) return columns;
  columns.splits = std::clamp<std::size_t>((room - kLeastName) / (2 * kLeastNumber), 1, splits);
  auto const beside_names = room - std::min(room, columns.name);
  columns.number = std::clamp(beside_names / (2 * columns.splits), kLeastNumber, columns.number);
  columns.name = room - 2 * columns.splits * columns.number;
  return columns;
}

/// The end of a long name, which tells it from others.
std::string shortened(std::string const& name, std::size_t width) {
  return name.size() < width ? name : ".." + name.substr(name.size() + 3 - width);
}

/// The lines of some splits: those in `splits`, whose cells have `columns`.
std::string lines_of(Table const& table, std::span<std::string const> splits,
                     Columns const& columns, bool shares, bool colors) {
  std::string first = padded("", 2 + columns.name), second = first;
  for (auto const& split : splits) {
    first += right(split, 2 * columns.number);
    second += right("loss", columns.number) + right("error", columns.number);
  }
  std::string text = first + "\n" + second + "\n";
  for (std::size_t i = 0; i < std::min(table.targets.size(), kMostLines); ++i) {
    auto const& target = table.targets[i];
    text += "  " + padded(shortened(target, columns.name), columns.name);
    for (auto const& split : splits) {
      for (bool const error : {false, true}) {
        double const unit = error && shares ? 100.0 : 1.0;
        double const value = unit * table.value(target, split, error);
        double const extreme = unit * table.extreme(split, error);
        auto const field = std::min<std::size_t>(columns.number - 1, 10);
        auto const number = compact(value, error && shares ? 1 : 3, field);
        auto const cell = std::string(field - std::min(field, number.size()), ' ') + number;
        text += padded("", columns.number - field) + colored(cell, value, extreme, colors);
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string barrier_view(std::vector<BarrierRecord> const& records, std::string const& analysis,
                         std::vector<std::string> const& layers, bool shares,
                         Screen const& screen) {
  if (records.empty()) return "";
  auto const last = records.back().round;
  auto const first = std::find_if(records.begin(), records.end(),
                                  [&](auto const& record) { return record.round == last; });
  auto const table = table_of(summarize({first, records.end()}), layers);
  if (table.targets.empty()) return "";
  auto text = wrapped("barriers  " + analysis + ", round " + std::to_string(last) +
                          ": midpoints, medians over pairs (error in " +
                          (shares ? "percentage points" : "the targets' unit") + ")\n",
                      screen.width);
  auto const columns = columns_on(screen, table.splits.size());
  std::span const splits = table.splits;
  for (std::size_t i = 0; i < splits.size(); i += columns.splits) {
    auto const part = splits.subspan(i, std::min(columns.splits, splits.size() - i));
    text += lines_of(table, part, columns, shares, screen.colors);
  }
  if (table.targets.size() > kMostLines) {
    text += "  and " + std::to_string(table.targets.size() - kMostLines) + " more\n";
  }
  return text;
}

}  // namespace fedstrata
