#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "common/error.hpp"
#include "common/run_directory.hpp"
#include "common/script_model.hpp"
#include "common/selection.hpp"
#include "common/stopwatch.hpp"
#include "experiments/commands.hpp"
#include "experiments/progress.hpp"
#include "experiments/session.hpp"
#include "server/analysis_pool.hpp"

namespace fedstrata {
namespace {

/// The stored configuration with the [analysis] asked for.
Config analysis_config(CommandLine const& line, RunDirectory const& run) {
  auto const stored = parse_config(run.header().config_text, line.target);
  std::string text;
  if (!line.config.empty()) text = to_text(load_config(line.config));
  return with_analysis(stored, text, line.config, line.set);
}

/// Rounds of which the clients' rows are stored, of those the analysis asks for.
std::vector<std::int64_t> rounds_to_analyse(std::vector<CheckpointInfo> const& checkpoints,
                                            AnalysisConfig const& config,
                                            std::string const& where) {
  bool const before = config.at == RowsAt::before;
  std::vector<std::int64_t> stored;
  for (auto const& checkpoint : checkpoints) {
    if (checkpoint.kept && (before ? checkpoint.before : checkpoint.after)) {
      stored.push_back(checkpoint.round);
    }
  }
  require_input(!stored.empty(),
                where + " holds no clients' models from " + (before ? "before" : "after") +
                    " averaging; run it again with checkpoint.every > 0 and checkpoint." +
                    (before ? "before" : "after") + " = yes");
  return select_rounds(config.rounds, stored);
}

std::vector<RoundJob> jobs(RunDirectory const& run, AnalysisConfig const& config) {
  auto const checkpoints = run.checkpoints();
  auto const rounds = rounds_to_analyse(checkpoints, config, run.path().string());
  std::set<std::pair<std::int64_t, std::int64_t>> excluded;
  for (auto const& record : run.client_records()) {
    if (record.excluded != 0) excluded.insert({record.round, record.client});
  }
  std::vector<RoundJob> result;
  for (auto const& checkpoint : checkpoints) {
    if (!checkpoint.kept || !std::ranges::binary_search(rounds, checkpoint.round)) continue;
    RoundJob job{checkpoint.round, {}, {}};
    for (auto const id : checkpoint.clients) {
      (excluded.contains({checkpoint.round, id}) ? job.diverged : job.clients).push_back(id);
    }
    result.push_back(std::move(job));
  }
  return result;
}

void work(AnalysisPool& pool, bool leader, std::size_t rounds) {
  Stopwatch const watch;
  std::size_t shown = rounds;
  while (!pool.finished()) {
    if (!pool.advance()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (leader && pool.pending() < shown) {
      shown = pool.pending();
      std::printf("analysed %zu of %zu rounds in %s\n", rounds - shown, rounds,
                  duration(watch.seconds()).c_str());
      std::fflush(stdout);
    }
  }
}

}  // namespace

int analyze(CommandLine const& line, std::vector<std::string> const& arguments) {
  auto const world = mpi::Comm::world();
  bool const first = world.rank() == 0;
  check_same_program(world, arguments);
  std::optional<RunDirectory> run;
  std::string text;
  if (first) {
    run = RunDirectory::open(line.target);
    text = to_text(analysis_config(line, *run));
    run->check_analysis_name(line.name);
  }
  auto config = parse_config(world.broadcast(text, 0), line.target);
  if (!first) run = RunDirectory::attach(line.target);
  config.model = with_script(config.model, run->script());
  auto const device = pick_device(config.run, true, world);
  SharedDataset const data(config.data, config.run.seed, world);
  auto const& view = data.view();
  auto const& stored = run->header();
  require_input(!first || (view.info.train_count == stored.dataset.train_count &&
                           view.info.test_count == stored.dataset.test_count),
                "the data set in " + config.data.dir + " has other counts than when " +
                    line.target + " was made; point data.dir of the run at the same files");
  Experiment const experiment(config, view.info, stored.partition);
  Batches const train(view.info, view.train_pixels, view.train_labels, device);
  Batches const test(view.info, view.test_pixels, view.test_labels, device);
  AnalysisPool pool({&experiment, &*run, &device, &train, &test, line.name}, world, {});
  std::size_t rounds = 0;
  if (first) {
    auto const todo = jobs(*run, config.analysis);
    run->write_analysis_config(line.name, text);
    for (auto const& job : todo) pool.add(job);
    rounds = todo.size();
    pool.close();
  }
  work(pool, first, rounds);
  world.barrier();
  if (first) std::printf("results in %s, /barriers/%s\n", line.target.c_str(), line.name.c_str());
  return 0;
}

}  // namespace fedstrata
