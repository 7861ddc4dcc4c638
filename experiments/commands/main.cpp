#include <string>
#include <vector>

#include "common/base/log.hpp"
#include "common/base/stop.hpp"
#include "common/mpi/comm.hpp"
#include "experiments/commands/program.hpp"
#include "experiments/run/launch.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> const words(argv + 1, argv + argc);
  if (!fedstrata::is_parallel(words)) {
    return fedstrata::log::report_errors([&] { return fedstrata::read_command_line(words)(); });
  }
  fedstrata::stop::watch();
  fedstrata::mpi::Environment const environment(argc, argv);
  fedstrata::log::watch_crashes();  // in place of the MPI library's handlers
  auto const problem = fedstrata::launch_problem(fedstrata::mpi::Comm::world());
  if (!problem.message.empty()) {
    if (problem.reports) fedstrata::log::error(problem.message);
    return 2;
  }
  return fedstrata::mpi::run_or_abort([&] {
    // Rank 0 reports a bad command line for all.
    auto const world = fedstrata::mpi::Comm::world();
    if (world.rank() == 0) fedstrata::read_command_line(words);
    world.barrier();
    return fedstrata::read_command_line(words)();
  });
}
