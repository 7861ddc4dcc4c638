#include "experiments/simulation.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/checksum.hpp"
#include "common/stopwatch.hpp"

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
    : context_(context),
      idle_([this] {
        if (analyst_) analyst_->serve(false);
      }),
      rows_(*context.world, 2, [this] { idle_(); }),
      messages_(*context.world, 8, [this] { idle_(); }),
      global_(static_cast<std::size_t>(context.experiment->state().size()), 0.0F) {
  auto const& world = *context_.world;
  auto const& layout = *context_.layout;
  int const rank = world.rank();
  training_ = world.split(rank == 0 || layout.trains(rank) ? 0 : -1);
  analysis_ = world.split(layout.analyses(rank) ? 0 : -1);
  if (layout.analyses(rank)) {
    analyst_ =
        std::make_unique<Analyst>(AnalysisInput{context_.experiment, context_.run, context_.device,
                                                context_.train, context_.test, "insitu"},
                                  layout, world, *analysis_);
  }
  if (rank == 0) {
    coordinator_ =
        std::make_unique<Coordinator>(*context_.experiment, context_.test->class_counts());
    progress_ = std::make_unique<Progress>(*context_.experiment, context_.run->path());
  }
  if (!layout.trains(rank)) return;
  host_ = std::make_unique<ClientHost>(
      *context_.experiment, *context_.device, *context_.train, *context_.test,
      hosted_clients(context_), layout.client_index(rank), static_cast<int>(layout.clients.size()),
      [this](RowHeader const& header, std::span<float const> row) {
        auto const shards = static_cast<std::int64_t>(context_.layout->analysis.size());
        auto const writer = static_cast<std::size_t>(header.client % shards);
        rows_.send(std::move(Message().put(std::vector{header}).put(row)),
                   context_.layout->analysis[writer], Tag::row);
      });
}

void Simulation::send_report(RoundReport const& report) {
  messages_.send(report.pack(), 0, Tag::report);
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
    sum_.start(experiment.state().parts(layers, false), global_);
    if (host_) host_->add_initial(sum_);
    std::vector<float> mean(static_cast<std::size_t>(packed_size(sum_.parts())));
    sum_.average(
        *training_, [] { return 1.0; }, mean, idle_);
    unpack(sum_.parts(), mean, global_);
  }
  if (host_) {
    host_->start(global_);
    send_report(host_->report_initial());
  }
  if (!coordinates()) return;
  commit(0, {});
  collect(0, {}, {});
  write_metrics(0);
}

std::vector<std::int64_t> Simulation::excluded_ids() {
  std::vector<std::int64_t> excluded;
  for (int const rank : context_.layout->clients) {
    auto message = receive_from(*context_.world, rank, Tag::excluded, idle_);
    for (auto const id : message.take<std::int64_t>()) excluded.push_back(id);
  }
  std::ranges::sort(excluded);
  return excluded;
}

void Simulation::commit(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  if (!context_.experiment->wanted(round).any()) return;
  auto const size = static_cast<std::size_t>(context_.experiment->state().model_size());
  Commit const commit{
      round, excluded, {global_.begin(), global_.begin() + static_cast<std::ptrdiff_t>(size)}};
  for (int const rank : context_.layout->analysis) messages_.send(commit.pack(), rank, Tag::commit);
}

void Simulation::collect(std::int64_t round, RoundParts const& parts, RoundTimes times) {
  std::vector<RoundReport> reports;
  for (int const rank : context_.layout->clients) {
    reports.push_back(RoundReport::unpack(receive_from(*context_.world, rank, Tag::report, idle_)));
  }
  auto const record = coordinator_->record(round, parts, reports, times);
  progress_->round(record);
}

/// Metrics reach the disk with the checkpoints, so the number of files does not grow with rounds.
void Simulation::write_metrics(std::int64_t round) {
  bool const last = round == context_.experiment->config.federation.rounds;
  if (!last && !context_.experiment->wanted(round).any()) return;
  Stopwatch const watch;
  context_.run->write_metrics(coordinator_->take_metrics());
  times_.store += watch.seconds();
}

void Simulation::round(std::int64_t round) {
  Stopwatch const whole;
  auto const parts = context_.experiment->parts(round);
  sum_.start(parts.parts, global_);
  if (host_) {
    messages_.send(std::move(Message().put(host_->train(round, sum_))), 0, Tag::excluded);
  }
  Stopwatch const aggregate;
  double waited = 0.0;
  std::vector<std::int64_t> excluded;
  std::vector<float> mean(static_cast<std::size_t>(packed_size(parts.parts)));
  sum_.average(
      *training_,
      [&] {
        Stopwatch const wait;
        excluded = excluded_ids();
        waited = wait.seconds();
        return coordinator_->divisor(round, excluded);
      },
      mean, idle_);
  auto const due = std::span(parts.parts).first(parts.due);
  unpack({due.begin(), due.end()}, mean, global_);
  double const averaging = aggregate.seconds() - waited;
  times_.aggregate += averaging;
  times_.wait += waited;
  if (host_) {
    auto report = host_->finish(round, parts, mean);
    auto& times = report.times.at(0);
    // A client rank cannot tell waiting for others from averaging with them.
    times.wait = coordinates() ? 0.0 : averaging;
    times_.train += times.train;
    times_.evaluate += times.evaluate;
    send_report(report);
  }
  if (!coordinates()) return;
  context_.run->heartbeat();
  commit(round, excluded);
  Stopwatch const wait;
  collect(round, parts, {whole.seconds(), averaging});
  times_.wait += wait.seconds();
  write_metrics(round);
}

/// Lets the analysis of a rank that also coordinates catch up, or run to its end.
void Simulation::drain_analysis(bool to_the_end) {
  if (!analyst_) return;
  while (to_the_end ? !analyst_->finished() : analyst_->advance(false)) {
    if (!to_the_end && analyst_->finished()) return;
    if (to_the_end && !analyst_->advance(true)) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
}

void Simulation::run() {
  if (training_) {
    initialise();
    for (std::int64_t r = 1; r <= context_.experiment->config.federation.rounds; ++r) {
      round(r);
      drain_analysis(false);
    }
    rows_.flush();
    messages_.flush();
  }
  if (progress_) progress_->training_done();
  drain_analysis(true);
  if (analyst_) {
    auto const times = analyst_->times();
    times_.analysis += times.analysis;
    times_.store += times.store;
  }
  context_.world->barrier();
}

std::uint64_t Simulation::global_hash() const {
  auto const size = static_cast<std::size_t>(context_.experiment->state().model_size());
  Checksum sum;
  sum.add(std::as_bytes(std::span(global_).first(size)));
  return sum.value();
}

}  // namespace fedstrata
