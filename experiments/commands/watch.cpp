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

int watch(CommandLine const& line) {
  std::filesystem::path const path = line.target;
  bool const terminal = isatty(STDOUT_FILENO) != 0;
  bool const sweep = SweepDirectory::is_one(path);
  require_input(sweep || std::filesystem::exists(path / RunNames::kIndex),
                quoted(path) + " is neither a run (no run.h5) nor a sweep (no sweep.ini)");
  RunView run(path, terminal);
  for (;;) {
    auto const view = sweep ? look_at_sweep(path) : run.look();
    std::printf("%s%s", terminal && !line.once ? "\033[H\033[J" : "", view.text.c_str());
    std::fflush(stdout);
    if (line.once || view.over) return 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(line.every));
  }
}

}  // namespace fedstrata
