#include <algorithm>
#include <cmath>
#include <map>

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
  std::vector<std::string> targets;  ///< kFullKind, then layers in the order of the records
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

Table table_of(std::vector<BarrierSummary> const& rows) {
  Table table;
  for (auto const& row : rows) {
    bool const full = row.kind == kFullKind;
    if ((!full && row.kind != kLayerKind) || row.partner != "clients") continue;
    std::string const target = full ? kFullKind : row.target;
    auto& targets = table.targets;
    if (!contains(targets, target)) targets.insert(full ? targets.begin() : targets.end(), target);
    auto& splits = table.splits;
    if (!contains(splits, row.split)) {
      splits.insert(row.split == "train" ? splits.begin() : splits.end(), row.split);
    }
    table.cells[{target, row.split}] = row;
  }
  return table;
}

}  // namespace

std::string barrier_view(std::vector<BarrierRecord> const& records, std::string const& analysis,
                         bool shares, bool colors) {
  if (records.empty()) return "";
  auto const last = records.back().round;
  auto const first = std::find_if(records.begin(), records.end(),
                                  [&](auto const& record) { return record.round == last; });
  auto const table = table_of(summarize({first, records.end()}));
  if (table.targets.empty()) return "";
  std::string text = "barriers  " + analysis + ", round " + std::to_string(last) +
                     ": midpoints, medians over pairs (error in " +
                     (shares ? "percentage points" : "the targets' unit") + ")\n" + padded("", 22);
  for (auto const& split : table.splits) {
    text += right(split + " loss", 14) + right(split + " error", 14);
  }
  text += "\n";
  for (std::size_t i = 0; i < std::min(table.targets.size(), kMostLines); ++i) {
    auto const& target = table.targets[i];
    text += "  " + padded(target, 20);
    for (auto const& split : table.splits) {
      for (bool const error : {false, true}) {
        double const unit = error && shares ? 100.0 : 1.0;
        double const value = unit * table.value(target, split, error);
        double const extreme = unit * table.extreme(split, error);
        auto const cell = right(fixed(value, error && shares ? 1 : 3), 10);
        text += padded("", 4) + colored(cell, value, extreme, colors);
      }
    }
    text += "\n";
  }
  if (table.targets.size() > kMostLines) {
    text += "  and " + std::to_string(table.targets.size() - kMostLines) + " more\n";
  }
  return text;
}

}  // namespace fedstrata
