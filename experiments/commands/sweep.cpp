#include "experiments/commands/sweep.hpp"

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/store/names.hpp"
#include "experiments/commands/checks.hpp"
#include "experiments/sweep/actions.hpp"

namespace fedstrata {
namespace {

void check(SweepOptions const& given) {
  require_input(given.action != "resubmit" || given.failed || given.missing,
                "sweep resubmit: say which cells, --failed or --missing or both");
}

/// Checks the cells that have not begun, as `simulate` would. Data may lie on the nodes alone, so
/// only a sweep that runs here needs them here.
void check_cells(Sweep const& sweep, bool here) {
  RunChecks checks(sweep.file.ranks, "lower sweep.ranks or raise data.clients");
  for (auto const& cell : sweep.cells) {
    if (std::filesystem::exists(sweep.directory.run(cell.name) / RunNames::kIndex)) continue;
    try {
      checks.check(cell.config);
      require_input(!here || checks.unread().empty(), checks.unread());
    } catch (InputError const& error) {
      throw InputError(cell_problem(sweep.file, cell, error.what()));
    }
  }
  if (!checks.unread().empty()) {
    log::warning("cells are checked as far as that needs no data: " + checks.unread());
  }
}

}  // namespace

Command<SweepOptions> const& sweep_command() {
  using Options = SweepOptions;
  static Command<Options> const command = {
      .text =
          {.name = "sweep",
           .target = "SWEEP.ini",
           .summary = "run many settings of one experiment, here or as Slurm arrays",
           .details =
               "ACTION is one of\n"
               "  plan      show the cells, what is done, and what the rest will cost\n"
               "  run       run here what is not done, failed cells included, several at a time\n"
               "  submit    submit as Slurm arrays what was not begun or was interrupted\n"
               "  status    what is done, running, queued, interrupted, failed and not started\n"
               "  resubmit  submit the cells that failed or have no result (--failed, --missing)\n"
               "  collect   write collected.h5, rounds.csv and barriers.csv: all cells in one "
               "table\n\n"
               "docs/sweeps.md describes sweep files. Cells that are done are never run again.",
           .example = "fedstrata sweep run experiments/sweeps/tiny.ini --jobs 2",
           .actions = {"plan", "run", "submit", "status", "resubmit", "collect"}},
      .options = {option::text(
                      "out", "DIR", &Options::out,
                      "directory of the sweep (default: sweep.dir, or runs/NAME beside SWEEP.ini)"),
                  option::only_for(
                      {"plan", "run"},
                      option::number("jobs", "K", &Options::jobs, 1, "integer >= 1",
                                     "plan, run: cells at a time (default: what the cores allow)")),
                  option::only_for(
                      {"submit", "resubmit"},
                      option::number("throttle", "K", &Options::throttle, 1, "integer >= 1",
                                     "submit, resubmit: at most K cells at a time")),
                  option::only_for(
                      {"submit", "resubmit"},
                      option::text("script", "FILE", &Options::script,
                                   "submit, resubmit: batch script (default: that of the "
                                   "installation)")),
                  option::only_for({"resubmit"}, option::flag("failed", &Options::failed,
                                                              "resubmit: cells that failed")),
                  option::only_for(
                      {"resubmit"},
                      option::flag("missing", &Options::missing,
                                   "resubmit: cells that were interrupted or never began"))},
      .settle = check};
  return command;
}

int sweep(SweepOptions const& options) {
  auto const opened = open_sweep(options.target, options.out);
  if (options.action != "status" && options.action != "collect") {
    check_cells(opened, options.action == "run");
  }
  if (options.action == "plan") return plan_sweep(opened, options.jobs);
  if (options.action == "run") return run_sweep(opened, options.jobs);
  if (options.action == "status") return show_status(opened);
  if (options.action == "collect") return collect_sweep(opened);
  return submit_sweep(opened, {.script = options.script,
                               .throttle = options.throttle,
                               .missing = options.missing || options.action == "submit",
                               .failed = options.failed});
}

}  // namespace fedstrata
