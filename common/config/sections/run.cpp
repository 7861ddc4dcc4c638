#include "common/base/text.hpp"
#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {
namespace {

Key<RunConfig> clients_at_once() {
  auto const print = [](RunConfig const& run) {
    return run.clients_at_once == 0 ? "auto" : std::to_string(run.clients_at_once);
  };
  auto const read = [](RunConfig& run, std::string const& text) {
    std::int64_t value = 0;
    if (text != "auto" && (!read_number(text, value) || value < 1 || value > 4096)) return false;
    run.clients_at_once = value;
    return true;
  };
  return {.name = "clients_at_once",
          .unit = "clients",
          .allowed = "auto | integer in [1, 4096]",
          .help =
              "most clients of a rank that are trained together, in one launch for all; auto = "
              "1 on the CPU, by memory on GPUs",
          .get = print,
          .set = read,
          .older = "1"};
}

}  // namespace

std::vector<Key<RunConfig>> run_keys() {
  return {
      number("seed", &RunConfig::seed, at_least(0), "", "all random numbers follow from it"),
      affects({.results = true, .machine = true},
              number("threads", &RunConfig::threads, {.low = 0, .high = 1024}, "threads",
                     "threads of each computing rank; 0 = what the allocation gives, resolved at "
                     "the first "
                     "start")),
      affects({.results = true, .machine = true},
              choice("device", &RunConfig::device, {"auto", "cpu", "cuda", "guarded"},
                     "where rows, data and models live; auto = cuda where the rank sees a GPU; "
                     "guarded: for tests")),
      affects({.results = true, .machine = true}, clients_at_once()),
      affects(
          {.limits = true},
          number(
              "walltime", &RunConfig::walltime, at_least(0), "minutes",
              "stop in order, to be resumed, this long after the start; 0 = before the end of the "
              "Slurm job, if there is one")),
      affects({.limits = true},
              number("grace", &RunConfig::grace, at_least(0), "seconds",
                     "a stop waits for the end of the round if that takes no longer")),
      affects({.machine = true, .limits = true},
              number("stall_timeout", &RunConfig::stall_timeout, at_least(0), "seconds",
                     "end the job when nothing is heard of a rank for so long; 0 = wait for ever")),
  };
}

}  // namespace fedstrata::keys
