#include <sys/prctl.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/environment.hpp"
#include "common/base/log.hpp"
#include "common/base/output.hpp"
#include "common/base/process/launcher.hpp"
#include "common/base/process/stop.hpp"
#include "common/mpi/comm.hpp"
#include "experiments/commands/program.hpp"
#include "experiments/commands/ranks.hpp"
#include "experiments/run/launch.hpp"
#include "experiments/run/memory.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> const words(argv + 1, argv + argc);
  if (!fedstrata::is_parallel(words)) {
    return fedstrata::output::settle(
        fedstrata::log::report_errors([&] { return fedstrata::read_command_line(words)(); }));
  }
  fedstrata::output::outlive_reader();
  std::optional<int> ranks;
  int const code = fedstrata::log::report_errors([&] {
    fedstrata::check_address_space();
    ranks = fedstrata::ranks_to_start(words);
    return ranks ? fedstrata::run_on_ranks(words, *ranks) : 0;
  });
  if (ranks || code != 0) return code;
  // Ranks that this program started end when their launcher is killed.
  if (!fedstrata::environment(fedstrata::launcher::kStartedByUs).empty())
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto const rank = fedstrata::launcher::rank();
  fedstrata::stop::watch(rank.empty() || rank == "0");
  fedstrata::mpi::Environment const environment(argc, argv);
  fedstrata::log::watch_crashes();  // in place of the MPI library's handlers
  auto const problem = fedstrata::launch_problem(fedstrata::mpi::Comm::world());
  if (!problem.empty()) {
    if (fedstrata::launcher::first_to_report()) fedstrata::log::error(problem);
    // The others see that one of them has said it.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return 2;
  }
  return fedstrata::output::settle(fedstrata::mpi::run_or_abort([&] {
    // Rank 0 reports a bad command line for all.
    auto const world = fedstrata::mpi::Comm::world();
    if (world.rank() == 0) fedstrata::read_command_line(words);
    world.barrier();
    return fedstrata::read_command_line(words)();
  }));
}
