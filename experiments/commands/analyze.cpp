#include "experiments/commands/analyze.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/names.hpp"
#include "common/base/process/launcher.hpp"
#include "common/base/process/stop.hpp"
#include "common/base/stopwatch.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/config/options.hpp"
#include "common/federation/liveness.hpp"
#include "common/model/script/script_model.hpp"
#include "common/store/run_writer.hpp"
#include "common/store/upkeep/cleaning.hpp"
#include "common/store/upkeep/linked_run.hpp"
#include "experiments/run/analysis_jobs.hpp"
#include "experiments/run/launch.hpp"
#include "experiments/run/session.hpp"
#include "experiments/view/run_progress.hpp"
#include "server/analysis/pool.hpp"

// Rank 0 reads the command line, the run and the settings, and alone complains of them; what the
// others need is sent to them as text. Then all ranks are equal: the same pool of work that serves
// a run while it goes on is given all rounds at once.

namespace fedstrata {
namespace {

/// The stored configuration with the [analysis] asked for, or that the analysis already has.
Config analysis_config(AnalyzeOptions const& options, Run const& run) {
  if (options.resume || options.missing) {
    auto config = parse_config(run.analysis_config(options.name), options.target);
    if (options.name == "insitu") {  // what the run itself would have analysed
      auto const every = std::to_string(std::max<std::int64_t>(1, config.analysis.every));
      config.analysis.rounds = parse_rounds(every + ":1000000000:" + every);
    }
    return with_analysis(config, "", "", options.set);
  }
  auto const stored = parse_config(run.header().config_text, options.target);
  std::string text;
  if (!options.config.empty()) text = to_text(load_config(options.config));
  std::vector<std::string> overrides = {"analysis.every=0"};
  overrides.insert(overrides.end(), options.set.begin(), options.set.end());
  if (!options.against.empty()) {  // whole, so that --resume finds it from any directory
    auto const other = std::filesystem::absolute(options.against).lexically_normal();
    overrides.push_back("analysis.against=" + other.string());
  }
  auto config = with_analysis(stored, text, options.config, overrides);
  check_pairs_of_kinds(config.analysis, options.config.empty() ? options.target : options.config);
  return config;
}

/// Shows how far an analysis is and how long it will take.
class Report {
 public:
  explicit Report(std::size_t rounds) : rounds_(rounds) {}

  void update(AnalysisPool const& pool) {
    auto const progress = pool.progress();
    bool const round_done = progress.rounds > shown_;
    if (!round_done && since_line_.seconds() < kEvery) return;
    if (progress.done <= 0.0) return;
    double const left =
        watch_.seconds() / progress.done * (static_cast<double>(rounds_) - progress.done);
    std::printf("analysed %zu of %zu rounds (%.0f %%) in %s, %s left\n", progress.rounds, rounds_,
                100.0 * progress.done / static_cast<double>(rounds_),
                time_text(watch_.seconds()).c_str(), time_text(left).c_str());
    std::fflush(stdout);
    shown_ = progress.rounds;
    since_line_ = Stopwatch();
  }

  void finish(AnalysisPool const& pool) const {
    auto const progress = pool.progress();
    if (progress.multiply_adds <= 0.0) return;
    std::printf(
        "%.3g multiply-adds in %.3f s, %.2f times fewer than evaluating every point of every "
        "curve\n",
        progress.multiply_adds, watch_.seconds(),
        progress.plain_multiply_adds / progress.multiply_adds);
  }

 private:
  static constexpr double kEvery = 10.0;  // seconds
  std::size_t rounds_;
  std::size_t shown_ = 0;
  Stopwatch watch_;
  Stopwatch since_line_;
};

/// False when it was stopped before the end.
bool work(AnalysisPool& pool, mpi::Background& background, bool leader, std::size_t rounds) {
  Report report(rounds);
  bool complete = true;
  while (!pool.finished()) {
    if (leader && stop::requested() && pool.pending() > 0) {
      pool.drop();
      complete = false;
    }
    background.look_up();
    if (!pool.advance()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (leader) report.update(pool);
  }
  if (leader) report.finish(pool);
  return complete;
}

/// What rank 0 finds out before anything is computed.
struct Preparation {
  std::unique_ptr<NewDirectory> made;  ///< outlives the run that is in it
  std::optional<RunWriter> run;
  std::optional<Run> other;
  std::string config_text;
  std::vector<RoundJob> jobs;
};

/// Is every parameter at the same place in both runs' rows?
bool same_layout(LayerTable const& a, LayerTable const& b) {
  return std::ranges::equal(a.parameters, b.parameters, [](auto const& x, auto const& y) {
    return x.name == y.name && x.shape == y.shape;
  });
}

Preparation prepare(AnalyzeOptions const& options) {
  Preparation result;
  if (!options.out.empty()) {
    make_linked_run(options.source, options.out);
    result.made = std::make_unique<NewDirectory>(options.out);
  }
  result.run = RunWriter::open(options.target);
  require_writable(options.target, "store the analysis beside it with --out DIR");
  auto const config = analysis_config(options, *result.run);
  result.config_text = to_text(config);
  std::vector<std::int64_t> done;
  if (options.resume || options.missing) {
    auto const holder = result.run->simulated_by();
    require_input(
        options.name != "insitu" || holder.empty(),
        options.target + " is still being simulated by " + holder + "; wait until it ends");
    done = result.run->analysed_rounds(options.name);
  } else {
    result.run->check_analysis_name(options.name);
  }
  if (!config.analysis.against.empty()) {
    result.other = Run::open(config.analysis.against);
    auto const& mine = result.run->header();
    auto const& other = result.other->header();
    require_input(other.model == mine.model && same_layout(other.table, mine.table),
                  config.analysis.against + " has models of other layers or sizes (" + other.model +
                      ") than " + options.target + " (" + mine.model +
                      "); compare runs of one [model]");
  }
  result.jobs = analysis_jobs(*result.run, result.other ? &*result.other : nullptr, config, done);
  if (!options.resume && !options.missing) check_models(*result.run, config, result.jobs);
  warn_of_statistics(config.analysis, result.run->header().table);
  return result;
}

void settle(AnalyzeOptions& options) {
  options.source = options.target;
  if (!options.out.empty()) options.target = options.out;
  if (options.name.empty()) options.name = options.missing ? "insitu" : "posthoc";
  require_input(is_plain_name(options.name),
                "--name " + options.name + ": the name is made of letters, digits, _ and -");
  require_input(options.missing || options.name != "insitu",
                "--name insitu is reserved for the analysis during a run; choose another name");
  bool const goes_on = options.missing || options.resume;
  bool const other_settings =
      !options.config.empty() || !options.against.empty() || !set_machine_only(options.set);
  require_input(!goes_on || !other_settings,
                "analyze: --resume and --missing take the settings that the analysis "
                "has; leave out --config, --against and --set (but for " +
                    join(machine_keys(), ", ") + "), or start another analysis with --name");
}

}  // namespace

Command<AnalyzeOptions> const& analyze_command() {
  using Options = AnalyzeOptions;
  static Command<Options> const command = {
      .text = {.name = "analyze",
               .target = "RUN_DIR",
               .summary = "compute barriers between stored models of a run",
               .details = "Uses the run's stored [analysis] unless told otherwise. Any number of "
                          "ranks gives the same bits.",
               .example = "fedstrata analyze runs/a --ranks 2 --name dense --set "
                          "analysis.alphas=11",
               .keys = "analysis"},
      .options = {option::text("name", "NAME", &Options::name,
                               "name of the analysis in the results (default: posthoc)"),
                  option::text("config", "FILE.ini", &Options::config,
                               "take the section [analysis] from this file"),
                  option::list("set", "analysis.key=value", &Options::set,
                               "set one key of [analysis] (or data.dir, run.device, ...); may be "
                               "repeated"),
                  option::text("against", "RUN_DIR", &Options::against,
                               "compare with the clients of another run, in the same round"),
                  option::text("out", "DIR", &Options::out,
                               "store the analysis in a new directory, beside a run that is "
                               "read-only or packed"),
                  option::number(
                      "ranks", "N", &Options::ranks, 1, "integer >= 1",
                      "start it on N ranks of this machine; under mpirun or srun leave it out"),
                  option::without(
                      {"out"},
                      option::flag("resume", &Options::resume,
                                   "go on with the analysis NAME where it was interrupted")),
                  option::without(
                      {"resume", "out"},
                      option::flag(
                          "missing",
                          &Options::missing,
                          "compute the rounds that the analysis NAME (default: insitu) lacks"))},
      .settle = settle};
  return command;
}

int analyze(AnalyzeOptions const& options, std::vector<std::string> const& words) {
  auto const world = mpi::Comm::world();
  bool const first = world.rank() == 0;
  check_same_program(world, words);
  Preparation ready;
  if (first) ready = prepare(options);
  auto const text = world.broadcast(ready.config_text, 0);
  auto config = parse_config(text, options.target);
  Liveness liveness(world, config.run.stall_timeout, "analysis");
  auto const signs_of_life = world.background().always([&] { liveness.poll(); });
  if (!first) {
    ready.run = RunWriter::attach(options.target);
    if (!config.analysis.against.empty()) ready.other = Run::attach(config.analysis.against);
  }
  config.model = with_script(config.model, ready.run->script());
  auto const device = pick_device(config.run, true, world);
  warn_of_sharing(device, true, world);
  liveness.announce("reading the data set");
  SharedDataset const data(config.data, config.run.seed, world);
  auto const& view = data.view();
  auto const& stored = ready.run->header();
  require_input(!first || is_data_of(stored, view),
                "the data set is not the one that " + options.target +
                    " was made with; point --set data.dir=DIR at the same files");
  Experiment const experiment(config, view.info, stored.partition);
  Samples const train(view.info, view.train, device);
  Samples const test(view.info, view.test, device);
  AnalysisInput input{.experiment = &experiment,
                      .run = &*ready.run,
                      .device = &device,
                      .train = &train,
                      .test = &test,
                      .name = options.name,
                      .other = ready.other ? &*ready.other : nullptr,
                      .other_run = config.analysis.against};
  auto const rounds = ready.jobs.size();
  world.barrier();  // until here a signal ends all ranks
  stop::announce("finishing the curves in work; what is done is kept for --resume; some seconds");
  stop::begin_work(config.run.stall_timeout);
  std::optional<AnalysisJournal> journal;
  if (first && rounds > 0) {
    std::printf("plan: %s\n", AnalysisPool(input, world).check(ready.jobs.front()).c_str());
    bool const goes_on = options.resume || options.missing;
    if (!goes_on) ready.run->write_analysis_config(options.name, text);
    if (ready.made) ready.made->keep();
    journal.emplace(ready.run->analysis_journal(options.name), goes_on);
    input.journal = &*journal;
  }
  liveness.announce("analysing");
  AnalysisPool pool(input, world);
  if (first) {
    for (auto const& job : ready.jobs) pool.add(job);
    pool.close();
  }
  bool const complete =
      ready.run->in_place([&] { return work(pool, world.background(), first, rounds); });
  stop::ignore();
  // What rank 0 found holds for all.
  if (world.all_gather(std::int64_t{complete}).at(0) == 0) {
    if (first) {
      std::printf("stopped in order (%s); go on with: fedstrata analyze %s --name %s --resume%s\n",
                  stop::reason().c_str(), options.target.c_str(), options.name.c_str(),
                  launcher::ranks_option(world.size()).c_str());
    }
    return 3;
  }
  if (!first) return 0;
  if (journal) {
    ready.run->merge_segments();
    journal->remove();
  }
  std::printf(
      rounds > 0 ? "results in %s, /barriers/%s\n" : "%s: nothing is missing in /barriers/%s\n",
      options.target.c_str(), options.name.c_str());
  return 0;
}

}  // namespace fedstrata
