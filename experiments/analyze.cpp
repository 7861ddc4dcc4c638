#include <chrono>
#include <cstdio>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "common/error.hpp"
#include "common/run_directory.hpp"
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

/// Round and client of all that diverged and were left out of an average.
std::set<std::pair<std::int64_t, std::int64_t>> diverged(RunDirectory const& run) {
  std::set<std::pair<std::int64_t, std::int64_t>> found;
  for (auto const& record : run.client_records()) {
    if (record.excluded != 0) found.emplace(record.round, record.client);
  }
  return found;
}

/// Stored rounds with the rows the analysis is about, of those it asks for.
std::vector<RoundJob> jobs(RunDirectory const& run, AnalysisConfig const& config) {
  std::vector<std::int64_t> stored;
  auto const checkpoints = run.checkpoints();
  for (auto const& checkpoint : checkpoints) {
    bool const there = config.at == RowsAt::before ? checkpoint.before : checkpoint.after;
    if (there && checkpoint.kept) stored.push_back(checkpoint.round);
  }
  require_input(
      !stored.empty(),
      run.path().string() + " holds no clients' models from " +
          (config.at == RowsAt::before ? "before" : "after") +
          " averaging; run it with checkpoint.every > 0 and the matching [checkpoint] key");
  std::vector<RoundJob> result;
  auto const left_out = diverged(run);
  auto const rounds = select_rounds(config.rounds, stored);
  for (auto const& checkpoint : checkpoints) {
    if (!std::ranges::binary_search(rounds, checkpoint.round)) continue;
    RoundJob job{checkpoint.round, {}, {}};
    for (auto const id : checkpoint.clients) {
      (left_out.contains({job.round, id}) ? job.diverged : job.clients).push_back(id);
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
  auto const config = parse_config(world.broadcast(text, 0), line.target);
  if (!first) run = RunDirectory::open(line.target);
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
