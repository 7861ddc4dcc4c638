#include "experiments/run/estimate.hpp"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "client/trainer.hpp"
#include "common/base/stopwatch.hpp"
#include "common/data/evaluate.hpp"
#include "experiments/view/run_progress.hpp"
#include "server/analysis/models.hpp"
#include "server/analysis/round_analysis.hpp"

// Training and evaluation are measured, since what a step takes depends on machine, threads and
// network. An analysis is counted in multiply-adds, which are turned into seconds by what an
// evaluation takes: its plan is known beforehand, and it is made of evaluations.

namespace fedstrata {
namespace {

constexpr double kTrain = 0.8, kEvaluate = 0.2;  // seconds that a probe may take, about

/// Seconds of one call, the first one not counted: it makes what later ones find.
double seconds_of(std::function<void()> const& work, double limit) {
  work();
  Stopwatch const watch;
  int calls = 0;
  do {
    work();
    ++calls;
  } while (watch.seconds() < limit);
  return watch.seconds() / calls;
}

/// Seconds of a step, by the first client, whose round is begun anew until the time is over.
double step_seconds(Experiment const& experiment, Trainer& trainer) {
  Stopwatch watch;
  std::int64_t steps = -1;  // the first is not counted
  auto const go_on = [&] {
    if (steps == 0) watch = Stopwatch();
    return steps++ <= 0 || watch.seconds() < kTrain;
  };
  if (experiment.local_steps(0) == 0) return 0.0;
  while (trainer.train(0, 1, 0, go_on)) continue;
  return watch.seconds() / static_cast<double>(std::max<std::int64_t>(1, steps - 1));
}

/// Steps of the busiest client rank in a round, on average over rounds.
double steps_of_round(Experiment const& experiment, Layout const& layout) {
  auto const ranks = static_cast<int>(layout.clients.size());
  auto const clients = experiment.clients();
  auto const share =
      static_cast<double>(experiment.participants(1).size()) / static_cast<double>(clients);
  auto const host = host_clients(experiment.loads(), ranks);
  std::vector<double> steps(static_cast<std::size_t>(ranks), 0.0);
  double largest = 0.0;
  for (std::int64_t client = 0; client < clients; ++client) {
    auto const own = static_cast<double>(experiment.local_steps(client));
    steps[static_cast<std::size_t>(host[static_cast<std::size_t>(client)])] += own;
    largest = std::max(largest, own);
  }
  return std::max(largest, share * std::ranges::max(steps));
}

/// Seconds of analysing one round on one rank.
double analysis_seconds(Experiment const& experiment, Speed const& speed) {
  auto const& config = experiment.config;
  auto const round = config.analysis.every;
  if (round == 0) return 0.0;
  RoundAnalysis const analysis({.config = config.analysis,
                                .table = experiment.model.table(),
                                .partition = experiment.partition,
                                .seed = config.run.seed,
                                .round = round,
                                .participants = experiment.participants(round),
                                .train_count = experiment.dataset.train_count,
                                .test_count = experiment.dataset.test_count},
                               experiment.model, *experiment.task, input_shape(experiment.dataset),
                               {});
  auto const work =
      analysis.work_expected(models_at_once(experiment.model, config.analysis.memory / 2));
  auto const batch = analysis.forward_cost() * static_cast<double>(kEvaluationBatch);
  return batch > 0.0 ? work / batch * speed.evaluation : 0.0;
}

}  // namespace

Speed probe_speed(Experiment const& experiment, Layout const& layout, Device const& device,
                  Samples const& train, Samples const& test, mpi::Comm const& world) {
  c10::InferenceMode const no_gradients;
  Speed speed;
  world.barrier();
  if (layout.trains(world.rank())) {
    auto const state_layout = experiment.state();
    auto const& model = experiment.model;
    std::vector<float> row(static_cast<std::size_t>(state_layout.size()), 0.0F);
    auto const size = static_cast<std::size_t>(model.table().parameter_count);
    auto const buffers = static_cast<std::size_t>(model.table().buffer_count);
    model.initialize(std::span(row).first(size), std::span(row).subspan(size, buffers),
                     experiment.config.run.seed, 0);
    auto state = device.zeros(state_layout.size());
    device.upload(row, state);
    Trainer trainer({.experiment = &experiment,
                     .device = &device,
                     .data = &train,
                     .state = state,
                     .global = state.clone()});
    speed.step = step_seconds(experiment, trainer);
    device.upload(row, state);
    auto const weights =
        model.view(narrow(state, state_layout.parameters()), narrow(state, state_layout.buffers()));
    std::vector<std::int64_t> const first{0};
    speed.evaluation = seconds_of(
        [&] { evaluate_batches(model, *experiment.task, weights, test, first); }, kEvaluate);
  }
  auto const slowest = [&](double seconds) {
    auto const all = world.all_gather(static_cast<std::int64_t>(1e9 * seconds));
    return 1e-9 * static_cast<double>(std::ranges::max(all));
  };
  return {slowest(speed.step), slowest(speed.evaluation)};
}

double TimeEstimate::all() const {
  auto const training = train + evaluate;
  return beside ? std::max(training, analyse) : training + analyse;
}

TimeEstimate estimate_time(Experiment const& experiment, Layout const& layout, Speed const& speed) {
  auto const ranks = static_cast<double>(layout.clients.size());
  auto const& plan = experiment.evaluation;
  TimeEstimate time;
  auto const rounds = static_cast<double>(experiment.config.federation.rounds);
  time.train = rounds * steps_of_round(experiment, layout) * speed.step;
  auto const batches = static_cast<double>(evaluation_batches(experiment.dataset.test_count));
  auto const evaluations = plan.every > 0 ? rounds / static_cast<double>(plan.every) : 0.0;
  time.evaluate = evaluations * plan.models * batches * speed.evaluation / ranks;
  time.analyse_round =
      analysis_seconds(experiment, speed) / static_cast<double>(layout.analysis.size());
  auto const every = experiment.config.analysis.every;
  if (every > 0)
    time.analyse = time.analyse_round * std::floor(rounds / static_cast<double>(every));
  time.beside = !layout.trains(layout.analysis.front());
  return time;
}

std::string time_lines(TimeEstimate const& time, std::int64_t rounds) {
  std::ostringstream out;
  auto const count = static_cast<double>(std::max<std::int64_t>(1, rounds));
  out << "time, about           training " << time_text(time.train) << " ("
      << time_text(time.train / count) << " a round), evaluation " << time_text(time.evaluate);
  if (time.analyse > 0.0) {
    out << ", analysis at most " << time_text(time.analyse) << " (" << time_text(time.analyse_round)
        << " an analysed round" << (time.beside ? ", beside the training" : "") << ")";
  }
  out << ", in all " << time_text(time.all())
      << " (from some seconds of training and evaluation)\n";
  return out.str();
}

std::string analysis_warning(TimeEstimate const& time) {
  if (time.analyse <= time.train + time.evaluate) return "";
  return "the analysis will take longer than the training (" + time_text(time.analyse) + " and " +
         time_text(time.train + time.evaluate) +
         "); fewer analysis.samples or analysis.pairs, a larger analysis.every or more "
         "analysis.ranks shorten it";
}

}  // namespace fedstrata
