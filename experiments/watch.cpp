#include "experiments/watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "common/error.hpp"
#include "common/run_directory.hpp"
#include "common/run_files.hpp"
#include "experiments/barrier_summary.hpp"
#include "experiments/run_progress.hpp"
#include "experiments/sweep_directory.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

constexpr int kBarWidth = 30;
constexpr std::size_t kMostLines = 20;    // cells of one stage, rows of the table of barriers
constexpr std::size_t kShareRounds = 10;  // last rounds that the time shares are taken over

/// What is shown, and whether anything is still to come.
struct View {
  std::string text;
  bool over = false;
};

std::string fixed(double value, int digits) {
  if (std::isnan(value)) return "-";
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(digits);
  out << value;
  return out.str();
}

std::string padded(std::string const& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

std::string right(std::string const& text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 1, ' ') + text;
}

std::string bar(double share) {
  auto const full = static_cast<std::size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarWidth)));
  std::string marks(kBarWidth, '.');
  std::fill_n(marks.begin(), full, '#');
  std::ostringstream out;
  out << '[' << marks << "] " << fixed(100.0 * share, 0) << " %";
  return out.str();
}

std::string progress_line(RunProgress const& progress, std::int64_t rounds) {
  std::string text = "round " + std::to_string(std::max<std::int64_t>(0, progress.round)) + "/" +
                     std::to_string(rounds) + "  test accuracy " +
                     percent_text(progress.test_accuracy) + "  train loss " +
                     fixed(progress.train_loss, 4);
  if (progress.rate > 0.0) {
    text += "  " + fixed(progress.rate, 2) + " rounds/s";
    if (progress.round < rounds) {
      text +=
          "  " + time_text(static_cast<double>(rounds - progress.round) / progress.rate) + " left";
    }
  }
  return text;
}

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

/// Of the client ranks' mean time in the last rounds.
std::string time_shares(std::vector<RoundRecord> const& rounds) {
  double train = 0.0, aggregate = 0.0, wait = 0.0, evaluate = 0.0;
  auto const add = [](double& sum, double value) { sum += std::isnan(value) ? 0.0 : value; };
  std::size_t const first = rounds.size() - std::min(rounds.size(), kShareRounds);
  for (std::size_t i = first; i < rounds.size(); ++i) {
    add(train, rounds[i].seconds_train);
    add(aggregate, rounds[i].seconds_aggregate);
    add(wait, rounds[i].seconds_wait);
    add(evaluate, rounds[i].seconds_evaluate);
  }
  double const all = train + aggregate + wait + evaluate;
  if (all <= 0.0) return "";
  auto const share = [&](double part) { return fixed(100.0 * part / all, 0) + " %"; };
  return "time      train " + share(train) + "  aggregate " + share(aggregate) + "  wait " +
         share(wait) + "  evaluate " + share(evaluate) + "  (rounds " +
         std::to_string(rounds[first].round) + " to " + std::to_string(rounds.back().round) + ")\n";
}

/// The barriers of the last analysed round: a row for all layers and one for each.
std::string barrier_table(std::vector<BarrierRecord> const& records, std::string const& name,
                          bool colors) {
  if (records.empty()) return "";
  auto const last = records.back().round;
  std::vector<BarrierRecord> latest;
  std::copy_if(records.begin(), records.end(), std::back_inserter(latest),
               [&](auto const& record) { return record.round == last; });
  struct Column {
    std::string split;
    bool error;
    double extreme = 0.0;
  };
  std::vector<Column> columns;
  std::vector<std::string> targets;
  std::map<std::pair<std::string, std::string>, BarrierSummary> cells;  // target, split
  for (auto const& row : summarize(latest)) {
    if ((row.kind != "full" && row.kind != "layer") || row.partner != "clients") continue;
    auto const target = row.kind == "full" ? "full" : row.target;
    if (std::count(targets.begin(), targets.end(), target) == 0) {
      targets.insert(row.kind == "full" ? targets.begin() : targets.end(), target);
    }
    auto const known = [&](auto const& column) { return column.split == row.split; };
    if (std::none_of(columns.begin(), columns.end(), known)) {
      columns.push_back({row.split, false});
      columns.push_back({row.split, true});
    }
    for (auto& column : columns) {
      double const value = column.error ? row.error_mid : row.loss_mid;
      if (column.split == row.split) column.extreme = std::fmax(column.extreme, std::abs(value));
    }
    cells[{target, row.split}] = row;
  }
  if (targets.empty()) return "";
  std::string text = "barriers  " + name + ", round " + std::to_string(last) +
                     ": midpoints, medians over pairs (error in percentage points)\n" +
                     padded("", 22);
  for (auto const& column : columns) {
    text += right(column.split + (column.error ? " error" : " loss"), 14);
  }
  text += "\n";
  for (std::size_t i = 0; i < std::min(targets.size(), kMostLines); ++i) {
    text += "  " + padded(targets[i], 20);
    for (auto const& column : columns) {
      auto const found = cells.find({targets[i], column.split});
      double const value = found == cells.end() ? kAbsent
                           : column.error       ? found->second.error_mid
                                                : found->second.loss_mid;
      auto const cell = right(column.error ? fixed(100.0 * value, 1) : fixed(value, 3), 10);
      text += "    " + colored(cell, value, column.extreme, colors);
    }
    text += "\n";
  }
  if (targets.size() > kMostLines) {
    text += "  and " + std::to_string(targets.size() - kMostLines) + " more\n";
  }
  return text;
}

class Watcher {
 public:
  Watcher(fs::path path, bool colors) : path_(std::move(path)), colors_(colors) {
    sweep_ = SweepDirectory::is_one(path_);
    require_input(sweep_ || fs::exists(path_ / RunNames::kIndex),
                  quoted(path_) + " is neither a run (no run.h5) nor a sweep (no sweep.ini)");
  }

  View look() { return sweep_ ? look_at_sweep() : look_at_run(); }

 private:
  View look_at_run() {
    refresh_run();
    auto const& header = run_->header();
    auto const rounds = config_->federation.rounds;
    bool const complete = run_->complete();
    auto const holder = run_->simulated_by();
    auto const progress = read_progress(path_);
    std::string text = "run       " + path_.string() + "  " + header.model + " on " +
                       header.dataset.name + ", " + std::to_string(header.partition.clients()) +
                       " clients, seed " + std::to_string(header.seed) + "\n";
    text += "state     " +
            (complete          ? "complete"
             : !holder.empty() ? "running: " + holder
                               : std::string("not complete, and nobody runs it")) +
            "\n";
    auto const done = static_cast<double>(std::max<std::int64_t>(0, progress.round));
    text += "rounds    " + bar(rounds > 0 ? done / static_cast<double>(rounds) : 1.0) + "\n" +
            "          " + progress_line(progress, rounds) + "\n" + tables_;
    return {text, complete};
  }

  /// Reads the tables when run.h5 was replaced.
  void refresh_run() {
    auto const now = stamp(path_ / RunNames::kIndex);
    if (run_ && now == stamp_) return;
    for (int tries = 2;; --tries) {
      try {
        run_ = RunDirectory::open(path_, Verify::tables);
        config_ = parse_config(run_->header().config_text, path_.string());
        tables_ = time_shares(run_->round_records());
        for (auto const& name : run_->analysis_names()) {
          tables_ += barrier_table(run_->barrier_records(name), name, colors_);
        }
        stamp_ = now;
        return;
      } catch (Error const&) {
        if (tries == 0) throw;  // else it was replaced while we read it
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
      }
    }
  }

  View look_at_sweep() const {
    SweepDirectory const sweep(path_);
    std::map<CellStage, std::vector<std::string>> lines;
    std::map<CellStage, std::size_t> counts;
    auto const names = sweep.names();
    double seconds = 0.0;
    for (auto const& name : names) {
      auto const status = sweep.status(name, {});
      auto const count = ++counts[status.stage];
      if (status.stage == CellStage::done) {
        seconds += read_progress(sweep.run(name)).seconds;
      } else if (status.stage != CellStage::missing && count <= kMostLines) {
        lines[status.stage].push_back(name + "  " + detail(sweep, name, status));
      }
    }
    auto const done = counts[CellStage::done];
    std::string text =
        "sweep     " + path_.string() + "\ncells     " +
        bar(names.empty() ? 0.0 : static_cast<double>(done) / static_cast<double>(names.size())) +
        "  " + std::to_string(names.size()) + " in all";
    for (auto const& [stage, count] : counts) {
      if (count > 0) text += ", " + std::to_string(count) + " " + name_of(stage);
    }
    text += "\n";
    auto const running = counts[CellStage::running];
    if (done > 0 && running > 0) {
      double const left = static_cast<double>(names.size() - done - counts[CellStage::failed]);
      text += "left      about " + time_text(left * seconds / static_cast<double>(done * running)) +
              ", " + std::to_string(running) + " at a time\n";
    }
    for (auto const& [stage, of_stage] : lines) {
      for (auto const& line : of_stage) text += padded(name_of(stage), 13) + line + "\n";
      if (counts[stage] > of_stage.size()) {
        text +=
            padded("", 13) + "and " + std::to_string(counts[stage] - of_stage.size()) + " more\n";
      }
    }
    return {text, done + counts[CellStage::failed] == names.size()};
  }

  static std::string detail(SweepDirectory const& sweep, std::string const& name,
                            CellStatus const& status) {
    if (status.stage == CellStage::failed) return status.error;
    return progress_line(read_progress(sweep.run(name)),
                         load_config(sweep.config(name)).federation.rounds);
  }

  fs::path path_;
  bool colors_;
  bool sweep_ = false;
  std::optional<RunDirectory> run_;
  std::optional<Config> config_;
  FileStamp stamp_;
  std::string tables_;
};

}  // namespace

int watch(CommandLine const& line) {
  bool const terminal = isatty(STDOUT_FILENO) != 0;
  Watcher watcher(line.target, terminal);
  for (;;) {
    auto const view = watcher.look();
    std::printf("%s%s", terminal && !line.once ? "\033[H\033[J" : "", view.text.c_str());
    std::fflush(stdout);
    if (line.once || view.over) return 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(line.every));
  }
}

}  // namespace fedstrata
