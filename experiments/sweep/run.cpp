#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

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
// so there are no threads and no handlers; only cells that other processes run are polled. What
// must survive is on disk when a child starts: a crash of this process loses nothing.

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
    auto const queue = sweep_.queue.view();
    std::vector<SweepCell> cells;
    bool all_done = true;
    for (auto const& cell : sweep_.cells) {
      auto const stage = sweep_.directory.status(cell.name, queue).stage;
      if (stage == CellStage::done) continue;
      all_done = false;
      if (queue.contains(cell.name)) {
        std::printf("%s is %s under Slurm and left alone\n", cell.name.c_str(), name_of(stage));
      } else if (stage == CellStage::running) {
        wait_for(cell);
      } else {
        waiting_.push_back(&cell);
        cells.push_back(cell);
      }
    }
    total_ = waiting_.size();
    if (total_ == 0 && elsewhere_.empty()) {
      std::printf("nothing to run: %zu cells, see fedstrata sweep status\n", sweep_.cells.size());
      return all_done ? 0 : 3;
    }
    sweep_.directory.prepare(cells, sweep_.text, sweep_.file.source);
    sigprocmask(SIG_BLOCK, &signals_, nullptr);
    std::printf("%zu of %zu cells to run, %zu at a time, in %s\n", total_, sweep_.cells.size(),
                std::min(jobs_, total_), sweep_.directory.path().string().c_str());
    loop();
    return result();
  }

 private:
  struct Running {
    SweepCell const* cell;
    Stopwatch time;
  };

  void loop() {
    while (!running_.empty() || (stops_ == 0 && !(waiting_.empty() && elsewhere_.empty()))) {
      while (stops_ == 0 && running_.size() < jobs_ && !waiting_.empty()) {
        auto const* cell = waiting_.front();
        waiting_.pop_front();
        start(*cell);
      }
      if (running_.empty() && elsewhere_.empty()) continue;
      std::fflush(stdout);
      int const signal = next_signal();
      if (signal == SIGCHLD) {
        reap();
      } else if (signal > 0) {
        stop();
      } else if (stops_ == 0) {
        look_elsewhere();
      }
    }
  }

  /// -1 when it is time to look at the cells that other processes run, whose end is no signal.
  int next_signal() const {
    timespec const second{1, 0};
    return elsewhere_.empty() ? sigwaitinfo(&signals_, nullptr)
                              : sigtimedwait(&signals_, nullptr, &second);
  }

  /// By where all cells stand now, whoever ran them.
  int result() const {
    std::size_t done = 0, failed = 0;
    for (auto const& one : sweep_.status()) {
      done += one.stage == CellStage::done ? 1 : 0;
      failed += one.stage == CellStage::failed ? 1 : 0;
    }
    if (failed > 0) {
      log::error(std::to_string(failed) + " of " + std::to_string(sweep_.cells.size()) +
                 " cells failed; `fedstrata sweep status` says why");
      return 1;
    }
    return done == sweep_.cells.size() ? 0 : 3;
  }

  /// Unless another process has begun or done it since we looked.
  void start(SweepCell const& cell) {
    auto const& directory = sweep_.directory;
    auto const stage = directory.status(cell.name, {}).stage;
    if (stage == CellStage::done) {
      --total_;
      return say_ended(cell, stage);
    }
    if (stage == CellStage::running) return pass_on(cell);
    auto words = launcher_;
    for (auto const& word :
         {std::filesystem::read_symlink("/proc/self/exe").string(), std::string("simulate"),
          directory.config(cell.name).string(), std::string("--out"),
          directory.run(cell.name).string(), std::string("--resume")}) {
      words.push_back(word);
    }
    auto const child = start_process(words, directory.log(cell.name));
    if (!child) return pass_on(cell);
    std::filesystem::remove(directory.exit(cell.name));
    running_.emplace(*child, Running{&cell, {}});
  }

  /// One of ours that another process has begun.
  void pass_on(SweepCell const& cell) {
    --total_;
    wait_for(cell);
  }

  static void say_ended(SweepCell const& cell, CellStage stage) {
    std::printf("%s  %s, by another process\n", name_of(stage), cell.name.c_str());
  }

  void wait_for(SweepCell const& cell) {
    elsewhere_.push_back(&cell);
    if (said_.insert(cell.name).second) {
      std::printf("%s is run by another process and waited for\n", cell.name.c_str());
    }
  }

  /// Takes note of cells that other processes have ended; those that are not complete are ours
  /// then.
  void look_elsewhere() {
    for (auto const* cell : std::exchange(elsewhere_, {})) {
      auto const status = sweep_.directory.status(cell->name, {});
      if (status.stage == CellStage::running) {
        elsewhere_.push_back(cell);
      } else if (status.stage == CellStage::done || status.stage == CellStage::failed) {
        say_ended(*cell, status.stage);
      } else {
        ++total_;
        waiting_.push_back(cell);
      }
    }
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
    } else if (status.stage == CellStage::running) {  // where files cannot be locked
      return pass_on(*ended.cell);
    } else {
      detail += ", after round " + std::to_string(std::max<std::int64_t>(0, progress.round));
    }
    std::printf("[%zu/%zu] %s  %s  %s\n", ++ended_, total_, name_of(status.stage), name.c_str(),
                detail.c_str());
  }

  /// The first signal stops all runs in order, a second one ends them.
  void stop() {
    ++stops_;
    if (running_.empty()) return;
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
  std::vector<SweepCell const*> elsewhere_;  ///< another process runs them
  std::set<std::string> said_;               ///< ... which was said of these
  std::size_t total_ = 0;                    ///< cells that are run here
  std::size_t ended_ = 0;
  int stops_ = 0;
};

}  // namespace

int run_sweep(Sweep const& sweep, int jobs) {
  output::outlive_reader();
  return Runner(sweep, jobs_of(sweep, jobs)).run();
}

}  // namespace fedstrata
