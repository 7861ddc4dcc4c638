#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/log.hpp"
#include "common/base/output.hpp"
#include "common/base/process/launcher.hpp"
#include "common/base/stopwatch.hpp"
#include "experiments/sweep/actions.hpp"
#include "experiments/sweep/processes.hpp"
#include "experiments/view/run_progress.hpp"

// A loop over sigwaitinfo: children that end and signals that ask to stop are events of one kind,
// so there are no threads, no handlers and no polling. What must survive is on disk when a child
// starts: a crash of this process loses nothing.

namespace fedstrata {
namespace {

/// The signals that this process waits for instead of being interrupted by them.
sigset_t waited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int const signal : {SIGCHLD, SIGINT, SIGTERM, SIGUSR1, SIGHUP}) sigaddset(&set, signal);
  return set;
}

/// Cells on this machine, several at a time.
class Runner {
 public:
  Runner(Sweep const& sweep, int jobs)
      : sweep_(sweep), jobs_(static_cast<std::size_t>(jobs)), signals_(waited_signals()) {
    if (sweep.file.ranks > 1) launcher_ = launcher::words(sweep.file.ranks);
  }

  int run() {
    auto const status = sweep_.status();
    for (std::size_t i = 0; i < status.size(); ++i) {
      auto const stage = status[i].stage;
      if (stage == CellStage::done) continue;
      ++total_;
      if (stage == CellStage::running || stage == CellStage::queued) {
        leave_alone(sweep_.cells[i], stage);
      } else {
        waiting_.push_back(&sweep_.cells[i]);
      }
    }
    if (total_ == 0) {
      std::printf("nothing to run: %zu cells, see fedstrata sweep status\n", status.size());
      return 0;
    }
    std::vector<SweepCell> cells;
    for (auto const* cell : waiting_) cells.push_back(*cell);
    sweep_.directory.prepare(cells, sweep_.text);
    sigprocmask(SIG_BLOCK, &signals_, nullptr);
    std::printf("%zu of %zu cells to run, %zu at a time, in %s\n", total_, status.size(),
                std::min(jobs_, total_), sweep_.directory.path().string().c_str());
    loop();
    if (failed_ > 0) {
      log::error(std::to_string(failed_) + " of " + std::to_string(total_) +
                 " cells failed; `fedstrata sweep status` says why");
    }
    if (failed_ > 0) return 1;
    return interrupted_ > 0 || !waiting_.empty() ? 3 : 0;
  }

 private:
  struct Running {
    SweepCell const* cell;
    Stopwatch time;
  };

  void loop() {
    while (!running_.empty() || !waiting_.empty()) {
      while (stops_ == 0 && running_.size() < jobs_ && !waiting_.empty()) {
        start(*waiting_.front());
        waiting_.pop_front();
      }
      if (running_.empty()) break;
      std::fflush(stdout);
      int const signal = sigwaitinfo(&signals_, nullptr);
      if (signal == SIGCHLD) {
        reap();
      } else if (signal > 0) {
        stop();
      }
    }
  }

  /// Unless another process has begun or done it since we looked.
  void start(SweepCell const& cell) {
    auto const& directory = sweep_.directory;
    auto const stage = directory.status(cell.name, {}).stage;
    if (stage == CellStage::done || stage == CellStage::running) return leave_alone(cell, stage);
    auto words = launcher_;
    for (auto const& word :
         {std::filesystem::read_symlink("/proc/self/exe").string(), std::string("simulate"),
          directory.config(cell.name).string(), std::string("--out"),
          directory.run(cell.name).string(), std::string("--resume")}) {
      words.push_back(word);
    }
    auto const child = start_process(words, directory.log(cell.name));
    if (!child) return leave_alone(cell, CellStage::running);
    std::filesystem::remove(directory.exit(cell.name));
    running_.emplace(*child, Running{&cell, {}});
  }

  void leave_alone(SweepCell const& cell, CellStage stage) {
    std::printf("%s is %s already and left alone\n", cell.name.c_str(), name_of(stage));
    --total_;
  }

  /// Takes note of every child that has ended: one signal may stand for several.
  void reap() {
    int status = 0;
    for (pid_t child; (child = waitpid(-1, &status, WNOHANG)) > 0;) {
      auto const found = running_.find(child);
      if (found == running_.end()) continue;
      // Launchers that are told to end their ranks at once end in ways of their own.
      bool const ended_by_us = stops_ > 1 && !SweepDirectory::was_stopped(exit_code(status));
      int const code = ended_by_us ? 128 + SIGTERM : exit_code(status);
      write_text(sweep_.directory.exit(found->second.cell->name), std::to_string(code) + "\n");
      report(found->second);
      running_.erase(found);
    }
  }

  void report(Running const& ended) {
    auto const& name = ended.cell->name;
    auto const status = sweep_.directory.status(name, {});
    auto const progress = read_progress(sweep_.directory.run(name));
    std::string detail = time_text(ended.time.seconds());
    if (status.stage == CellStage::done) {
      detail += ", " + progress.test.text();
    } else if (status.stage == CellStage::failed) {
      detail = status.error;
      ++failed_;
    } else {
      detail += ", after round " + std::to_string(std::max<std::int64_t>(0, progress.round));
      ++interrupted_;
    }
    std::printf("[%zu/%zu] %s  %s  %s\n", ++ended_, total_, name_of(status.stage), name.c_str(),
                detail.c_str());
  }

  /// The first signal stops all runs in order, a second one ends them.
  void stop() {
    ++stops_;
    double grace = 0.0;
    for (auto const& [child, cell] : running_) {
      kill(child, stops_ == 1 ? SIGUSR1 : SIGTERM);
      grace = std::max(grace, cell.cell->config.run.grace);
    }
    if (stops_ == 1) {
      std::printf(
          "stopping: the cells that run finish their round and save; at most some %.0f s; again: "
          "at once\n",
          std::max(1.0, grace));
    } else {
      std::printf("ending the cells that run; what is stored stays valid\n");
    }
    std::fflush(stdout);
  }

  Sweep const& sweep_;
  std::size_t jobs_;
  sigset_t signals_;
  std::vector<std::string> launcher_;  ///< in front of the words of a cell of several ranks
  std::deque<SweepCell const*> waiting_;
  std::map<pid_t, Running> running_;
  std::size_t total_ = 0;
  std::size_t ended_ = 0;
  std::size_t failed_ = 0;
  std::size_t interrupted_ = 0;
  int stops_ = 0;
};

}  // namespace

int run_sweep(Sweep const& sweep, int jobs) {
  output::outlive_reader();
  return Runner(sweep, jobs_of(sweep, jobs)).run();
}

}  // namespace fedstrata
