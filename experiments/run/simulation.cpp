#include "experiments/run/simulation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "common/base/checksum.hpp"
#include "common/base/stop.hpp"
#include "common/base/stopwatch.hpp"
#include "common/store/rows/resume_files.hpp"

// One object on every rank, whatever its roles, since roles on one rank still talk by messages: a
// round is one sequence of steps in which each rank does its share. What ends a round early (a
// stop, a diverged client) is decided by the coordinator and sent with the mean, so that all ranks
// leave the loop after the same round.

namespace fedstrata {
namespace {

std::vector<std::int64_t> hosted_clients(RankContext const& context) {
  auto const loads = context.experiment->loads();
  auto const ranks = static_cast<int>(context.layout->clients.size());
  auto const host = host_clients(loads, ranks);
  int const mine = context.layout->client_index(context.world->rank());
  std::vector<std::int64_t> clients;
  for (std::size_t id = 0; id < host.size(); ++id) {
    if (host[id] == mine) clients.push_back(static_cast<std::int64_t>(id));
  }
  return clients;
}

}  // namespace

Simulation::Simulation(RankContext context)
    : context_(std::move(context)),
      rows_(*context_.world, 2),
      messages_(*context_.world, 8),
      global_(static_cast<std::size_t>(context_.experiment->state().size()), 0.0F) {
  auto const& world = *context_.world;
  auto const& layout = *context_.layout;
  int const rank = world.rank();
  training_ = world.split(rank == 0 || layout.trains(rank) ? 0 : -1);
  analysis_ = world.split(layout.analyses(rank) ? 0 : -1);
  if (layout.analyses(rank)) {
    analyst_ =
        std::make_unique<Analyst>(AnalysisInput{context_.experiment, context_.run, context_.device,
                                                context_.train, context_.test, context_.analysis},
                                  layout, world, *analysis_, context_.resume_round.value_or(0));
  }
  if (rank == 0) {
    coordinator_ =
        std::make_unique<Coordinator>(*context_.experiment, context_.test->class_counts());
    progress_ = std::make_unique<Progress>(*context_.experiment, context_.run->path(),
                                           context_.resume_round);
  }
  if (!layout.trains(rank)) return;
  auto const send_row = [this](RowHeader const& header, std::span<float const> row) {
    auto const shards = static_cast<std::int64_t>(context_.layout->analysis.size());
    auto const writer = static_cast<std::size_t>(header.client % shards);
    rows_.send(ModelRow{header, {row.begin(), row.end()}}, context_.layout->analysis[writer]);
  };
  host_ = std::make_unique<ClientHost>(
      ClientHostInput{.experiment = context_.experiment,
                      .device = context_.device,
                      .train = context_.train,
                      .test = context_.test,
                      .clients = hosted_clients(context_),
                      .rank = layout.client_index(rank),
                      .ranks = static_cast<int>(layout.clients.size()),
                      .sink = send_row,
                      .poll = [this] { context_.world->background().look_up(); }});
}

/// The weighted mean of all clients' initial values becomes the first global row.
void Simulation::initialise() {
  auto const& experiment = *context_.experiment;
  std::vector<int> layers(experiment.model.table().layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i] = static_cast<int>(i);
  auto const size = static_cast<std::size_t>(experiment.model.table().parameter_count);
  auto const model_row =
      std::span(global_).first(static_cast<std::size_t>(experiment.state().model_size()));
  experiment.model.initialize(model_row.first(size), model_row.subspan(size),
                              experiment.config.run.seed, 0);
  if (experiment.config.model.init == Init::different) {
    sum_.start(PackedParts(experiment.state().model_parts(layers)), global_);
    if (host_) host_->add_initial(sum_);
    std::vector<float> mean(static_cast<std::size_t>(sum_.parts().size()));
    sum_.average(
        *training_, [] { return 1.0; }, mean);
    sum_.parts().unpack(mean, global_);
  }
  if (host_) {
    host_->start(global_);
    messages_.send(host_->report_initial(), 0);
  }
  if (!coordinates()) return;
  commit(0, {});
  collect(0, {}, {});
  write_metrics(0, false);
}

/// Goes on after a round whose state is on disk: the coordinator's for all, the clients' own rows
/// read by those who host them.
void Simulation::resume(std::int64_t round) {
  auto const state = ResumeState::at(context_.resume_directory, round);
  if (coordinates()) state.read(kGlobalRow, global_);
  training_->broadcast(std::as_writable_bytes(std::span(global_)), 0);
  if (!host_) return;
  host_->resume(round, global_, [&](std::int64_t client, std::span<float> row) {
    state.read(kOwnRow, client, row);
  });
}

std::vector<std::int64_t> Simulation::excluded_ids() {
  std::vector<std::int64_t> excluded;
  given_up_ = false;
  for (int const rank : context_.layout->clients) {
    auto const end = receive_from<TrainingEnd>(*context_.world, rank);
    excluded.insert(excluded.end(), end.excluded.begin(), end.excluded.end());
    if (end.stop) stop::request();
    given_up_ = given_up_ || end.given_up;
  }
  std::ranges::sort(excluded);
  return excluded;
}

void Simulation::commit(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  if (!context_.experiment->wanted(round).any()) return;
  auto const size = static_cast<std::size_t>(context_.experiment->state().model_size());
  Commit const commit{Commit::What::average,
                      round,
                      excluded,
                      {global_.begin(), global_.begin() + static_cast<std::ptrdiff_t>(size)}};
  for (int const rank : context_.layout->analysis) messages_.send(commit, rank);
}

/// Tells the writers what needs no row of a client.
void Simulation::announce(Commit::What what, std::int64_t round) {
  Commit const commit{
      what, round, {}, what == Commit::What::state ? global_ : std::vector<float>{}};
  for (int const rank : context_.layout->analysis) messages_.send(commit, rank);
}

/// Collective over the training ranks; the same on all.
Simulation::Decision Simulation::decide(std::int64_t round) {
  std::array<std::int8_t, 3> flags{};
  if (coordinates()) {
    auto const& config = context_.experiment->config;
    auto const minutes = config.checkpoint.minutes;
    bool const last = round == config.federation.rounds;
    bool const due = minutes > 0.0 && since_state_.seconds() > 60.0 * minutes;
    bool const stop = !last && stop::requested(longest_round_ + config.run.grace);
    bool const stored = context_.experiment->wanted(round).keep;
    flags = {stop || last || due || stored, stop, given_up_};
    if (flags[0] != 0) since_state_ = Stopwatch();
  }
  training_->broadcast(std::as_writable_bytes(std::span(flags)), 0);
  return {flags[0] != 0, flags[1] != 0, flags[2] != 0};
}

/// What the run needs to go on after this round. The metrics are on disk before the state, and the
/// writers let the state become visible after all rows.
void Simulation::save(std::int64_t round) {
  if (host_) host_->save(round);
  if (coordinates()) announce(Commit::What::state, round);
  saved_round_ = round;
}

void Simulation::collect(std::int64_t round, RoundParts const& parts, RoundTimes times) {
  std::vector<RoundReport> reports;
  for (int const rank : context_.layout->clients) {
    reports.push_back(receive_from<RoundReport>(*context_.world, rank));
  }
  auto const record = coordinator_->record(round, parts, reports, times);
  progress_->round(record);
}

/// Metrics reach the disk with the checkpoints, so the number of files does not grow with rounds.
void Simulation::write_metrics(std::int64_t round, bool saves) {
  if (!saves && !context_.experiment->wanted(round).any()) return;
  auto segment = coordinator_->take_metrics();
  if (segment.rows<RoundRecord>().empty()) return;
  Stopwatch const watch;
  context_.run->write_metrics(std::move(segment));
  times_.store += watch.seconds();
}

/// False when the run is to stop; last_round_ then says after which round.
bool Simulation::round(std::int64_t round) {
  Stopwatch const whole;
  auto const parts = context_.experiment->parts(round);
  sum_.start(parts.parts, global_);
  if (host_) {
    context_.liveness->phase("training round " + std::to_string(round));
    auto const excluded = host_->train(round, sum_);
    messages_.send(TrainingEnd{.excluded = excluded.value_or(std::vector<std::int64_t>{}),
                               .stop = stop::signalled(),
                               .given_up = !excluded},
                   0);
  }
  context_.liveness->phase("averaging round " + std::to_string(round));
  Stopwatch const aggregate;
  double waited = 0.0;
  std::vector<std::int64_t> excluded;
  std::vector<float> mean(static_cast<std::size_t>(parts.parts.size()));
  sum_.average(
      *training_,
      [&] {
        Stopwatch const wait;
        excluded = excluded_ids();
        waited = wait.seconds();
        return coordinator_->divisor(round, excluded);
      },
      mean);
  auto const decision = decide(round);
  if (decision.given_up) {
    // What clients keep is of this round by now; without such, the state before it is at hand.
    if (coordinates() && context_.experiment->own_parts().empty() && round - 1 > saved_round_) {
      write_metrics(round - 1, true);
      announce(Commit::What::state, round - 1);
    }
    return false;
  }
  parts.averaged().unpack(mean, global_);
  double const averaging = aggregate.seconds() - waited;
  times_.aggregate += averaging;
  times_.wait += waited;
  context_.liveness->phase("finishing round " + std::to_string(round));
  if (host_) {
    auto report = host_->finish(round, parts, mean);
    auto& times = report.times;
    // A client rank cannot tell waiting for others from averaging with them.
    times.wait = coordinates() ? 0.0 : averaging;
    times_.train += times.train;
    times_.evaluate += times.evaluate;
    messages_.send(report, 0);
  }
  last_round_ = round;
  if (coordinates()) {
    commit(round, excluded);
    Stopwatch const wait;
    collect(round, parts, {whole.seconds(), averaging});
    times_.wait += wait.seconds();
    write_metrics(round, decision.save);
  }
  if (decision.save) save(round);
  longest_round_ = std::max(longest_round_, whole.seconds());
  return !decision.stop;
}

/// Lets the analysis of a rank that also coordinates catch up, or run to its end.
void Simulation::drain_analysis(bool to_the_end) {
  if (!analyst_) return;
  if (to_the_end) context_.liveness->phase("analysing");
  while (to_the_end ? !analyst_->finished() : analyst_->advance(false)) {
    context_.world->background().look_up();
    if (!to_the_end && analyst_->finished()) return;
    if (to_the_end && !analyst_->advance(true)) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
}

bool Simulation::run() {
  auto const rounds = context_.experiment->config.federation.rounds;
  bool trained = true;
  last_round_ = saved_round_ = context_.resume_round.value_or(0);
  if (training_) {
    if (context_.resume_round) {
      resume(last_round_);
    } else {
      initialise();
    }
    for (auto r = last_round_ + 1; trained && r <= rounds; ++r) {
      trained = round(r);
      drain_analysis(false);
    }
    end_training(trained);
  }
  if (progress_) progress_->training_done();
  drain_analysis(true);
  if (analyst_) {
    auto const times = analyst_->times();
    times_.analysis += times.analysis;
    times_.store += times.store;
  }
  context_.liveness->phase("waiting for the others");
  bool const finished = trained && !(analyst_ && analyst_->left_some());
  return std::ranges::min(context_.world->all_gather(std::int64_t{finished})) != 0;
}

/// The writers hear of the end when they have all rows: none is on its way any more.
void Simulation::end_training(bool trained) {
  if (host_) {
    rows_.flush();
    messages_.send(RowsSent{}, 0);
  }
  if (coordinates()) {
    for (int const rank : context_.layout->clients) {
      receive_from<RowsSent>(*context_.world, rank);
    }
    announce(trained ? Commit::What::end : Commit::What::interruption, last_round_);
  }
  messages_.flush();
}

std::uint64_t Simulation::global_hash() const {
  auto const size = static_cast<std::size_t>(context_.experiment->state().model_size());
  Checksum sum;
  sum.add(std::as_bytes(std::span(global_).first(size)));
  return sum.value();
}

}  // namespace fedstrata
