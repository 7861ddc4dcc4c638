#include <cstdio>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/stop.hpp"
#include "common/base/version.hpp"
#include "common/config/options.hpp"
#include "common/mpi/comm.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/inspect.hpp"
#include "experiments/commands/watch.hpp"
#include "experiments/run/launch.hpp"
#include "experiments/sweep/sweep.hpp"

namespace {

using fedstrata::CommandLine;

int run(CommandLine const& line, std::vector<std::string> const& arguments) {
  if (line.version) {
    std::printf("fedstrata %s (%s)\n", fedstrata::software_version().c_str(),
                fedstrata::build_description().c_str());
    return 0;
  }
  if (line.help || line.command.empty()) {
    std::printf("%s", fedstrata::usage(line.command).c_str());
    return 0;
  }
  return line.command == "inspect"    ? fedstrata::inspect(line)
         : line.command == "sweep"    ? fedstrata::sweep(line)
         : line.command == "watch"    ? fedstrata::watch(line)
         : line.command == "simulate" ? fedstrata::simulate(line, arguments)
                                      : fedstrata::analyze(line, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> const arguments(argv + 1, argv + argc);
  auto const parallel =
      !arguments.empty() && (arguments[0] == "simulate" || arguments[0] == "analyze");
  if (!parallel) {
    return fedstrata::log::report_errors(
        [&] { return run(fedstrata::parse_command_line(arguments), arguments); });
  }
  fedstrata::stop::watch();
  fedstrata::mpi::Environment const environment(argc, argv);
  fedstrata::log::watch_crashes();  // in place of the MPI library's handlers
  auto const problem = fedstrata::launch_problem(fedstrata::mpi::Comm::world());
  if (!problem.message.empty()) {
    if (problem.speaks) fedstrata::log::error(problem.message);
    return 2;
  }
  return fedstrata::mpi::run_or_abort([&] {
    // Rank 0 reports a bad command line for all.
    auto const world = fedstrata::mpi::Comm::world();
    if (world.rank() == 0) fedstrata::parse_command_line(arguments);
    world.barrier();
    return run(fedstrata::parse_command_line(arguments), arguments);
  });
}
