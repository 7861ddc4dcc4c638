#include "experiments/view/run_view.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "common/base/error.hpp"
#include "common/config/options.hpp"
#include "common/store/names.hpp"
#include "experiments/view/screen.hpp"

namespace fedstrata {
namespace {

constexpr std::size_t kShareRounds = 10;  // last rounds that the time shares are taken over

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

std::size_t lines_in(std::string const& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

std::string fitting(std::string text, std::vector<AnalysisView> const& analyses,
                    Screen const& screen) {
  std::string others;
  bool shown = false;
  for (auto const& analysis : analyses) {
    if (analysis.text.empty()) continue;
    // Two lines are kept: for the names of others, and for the cursor.
    bool const fits = lines_in(text) + lines_in(analysis.text) + 2 <= screen.height;
    if (screen.height == 0 || fits || !shown) {
      text += analysis.text;
      shown = true;
    } else {
      others += (others.empty() ? "also      " : ", ") + analysis.name;
    }
  }
  if (others.empty()) return text;
  return text + cut(others + "  (--once shows all)", screen.width) + "\n";
}

View RunView::look(Screen const& screen) {
  refresh(screen);
  auto const& header = run_->header();
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
  text += "rounds    " + bar(rounds_ > 0 ? done / static_cast<double>(rounds_) : 1.0, screen) +
          "\n          " + progress_line(progress, rounds_) + "\n";
  return {fitting(wrapped(text, screen.width) + times_, barriers_, screen), complete};
}

/// Reads the tables when run.h5 was replaced, or the screen has another size.
void RunView::refresh(Screen const& screen) {
  auto const now = stamp(path_ / RunNames::kIndex);
  if (run_ && now == stamp_ && screen == screen_) return;
  for (int tries = 2;; --tries) {
    try {
      run_ = Run::open(path_, Verify::tables);
      rounds_ = parse_config(run_->header().config_text, path_.string()).federation.rounds;
      times_ = wrapped(time_shares(run_->metrics<RoundRecord>()), screen.width);
      barriers_.clear();
      std::vector<std::string> layers;
      for (auto const& layer : run_->header().table.layers) layers.push_back(layer.name);
      for (auto const& name : run_->analysis_names()) {
        barriers_.push_back({name, barrier_view(run_->analysis<BarrierRecord>(name), name, layers,
                                                run_->header().dataset.classes() > 0, screen)});
      }
      stamp_ = now;
      screen_ = screen;
      return;
    } catch (Error const&) {
      if (tries == 0) throw;  // else it was replaced while we read it
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
}

}  // namespace fedstrata
