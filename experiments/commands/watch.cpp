#include "experiments/commands/watch.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/store/names.hpp"
#include "experiments/sweep/directory.hpp"
#include "experiments/sweep/view.hpp"
#include "experiments/view/run_view.hpp"

namespace fedstrata {

Command<WatchOptions> const& watch_command() {
  static Command<WatchOptions> const command = {
      .text = {.name = "watch",
               .target = "DIR",
               .summary = "follow a run or a sweep in the terminal",
               .details = "DIR is the directory of a run or of a sweep. Only files are read: watch "
                          "from anywhere, as often as\nyou like. Ctrl-C ends it.",
               .example = "fedstrata watch runs/a"},
      .options = {
          option::flag("once", &WatchOptions::once, "print the view once and end"),
          option::without({"once"}, option::number("every", "SECONDS", &WatchOptions::every, 0.1,
                                                   "seconds, at least 0.1",
                                                   "time between two looks (default: 2)"))}};
  return command;
}

int watch(WatchOptions const& options) {
  std::filesystem::path const path = options.target;
  bool const terminal = isatty(STDOUT_FILENO) != 0;
  bool const sweep = SweepDirectory::is_one(path);
  require_input(sweep || std::filesystem::exists(path / RunNames::kIndex),
                quoted(path) + " is neither a run (no run.h5) nor a sweep (no sweep.ini)");
  RunView run(path);
  for (;;) {
    auto screen = standard_output();
    if (options.once) screen.height = 0;  // the terminal scrolls
    auto const view = sweep ? look_at_sweep(path, screen) : run.look(screen);
    std::printf("%s%s", terminal && !options.once ? "\033[H\033[J" : "", view.text.c_str());
    std::fflush(stdout);
    if (options.once || view.over || std::ferror(stdout) != 0) return 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(options.every));
  }
}

}  // namespace fedstrata
