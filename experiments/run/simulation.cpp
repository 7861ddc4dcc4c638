#include "experiments/run/simulation.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>
#include <utility>

#include "common/base/checksum.hpp"
#include "common/base/process/stop.hpp"
#include "common/base/stopwatch.hpp"

// One object on every rank, whatever its roles, since roles on one rank still talk by messages: a
// round is one sequence of steps in which each rank does its share. What a role does is in its own
// class; null stands for a role that this rank has not. What ends a round early (a stop, a diverged
// client) is decided by the coordinator and sent with the mean, so that all ranks leave the loop
// after the same round.

namespace fedstrata {

Simulation::Simulation(RankContext context)
    : context_(std::move(context)),
      global_(static_cast<std::size_t>(context_.experiment->state().size()), 0.0F) {
  auto const& experiment = *context_.experiment;
  auto const& world = *context_.world;
  auto const& layout = *context_.layout;
  int const rank = world.rank();
  auto const trained = context_.resume_round.value_or(0);
  training_ = world.split(rank == 0 || layout.trains(rank) ? 0 : -1);
  analysis_ = world.split(layout.analyses(rank) ? 0 : -1);
  if (layout.analyses(rank)) {
    analyst_ = std::make_unique<Analyst>(AnalysisInput{.experiment = context_.experiment,
                                                       .run = context_.run,
                                                       .device = context_.device,
                                                       .train = context_.train,
                                                       .test = context_.test,
                                                       .name = context_.analysis},
                                         layout, world, *analysis_, trained);
  }
  if (rank == 0) {
    progress_ = std::make_unique<Progress>(experiment, context_.run->path(), context_.resume_round);
    coordinator_ = std::make_unique<Coordinator>(
        experiment, layout, world, *context_.run, context_.test->class_counts(), trained,
        [this](RoundRecord const& record) { progress_->round(record); });
  }
  if (layout.trains(rank)) {
    clients_ = std::make_unique<ClientRank>(experiment, layout, world, *context_.device,
                                            *context_.train, *context_.test);
  }
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
    if (clients_) clients_->add_initial(sum_);
    std::vector<float> mean(static_cast<std::size_t>(sum_.parts().size()));
    sum_.average(
        *training_, [] { return std::vector{1.0}; }, mean);
    sum_.parts().unpack(mean, global_);
  }
  if (clients_) clients_->start(global_);
  if (coordinator_) coordinator_->start(global_);
}

/// Goes on after a round whose state is on disk: the coordinator's for all, the clients' own rows
/// read by those who host them.
void Simulation::resume(std::int64_t round) {
  auto const state = ResumeState::at(context_.resume_directory, round);
  if (coordinator_) {
    state.read(kGlobalRow, global_);
    coordinator_->resume(state);
  }
  training_->broadcast(std::as_writable_bytes(std::span(global_)), 0);
  if (clients_) clients_->resume(state, global_);
}

/// All reduce the sums to the coordinator, which finishes the means, bucket by bucket, and
/// broadcasts what the layers become. Packed over the round's parts.
Simulation::Averaged Simulation::average(std::int64_t round, RoundParts const& parts) {
  Stopwatch const watch;
  double waited = 0.0;
  Averaged result{.values = std::vector<float>(static_cast<std::size_t>(parts.parts.size()))};
  auto const training_over = [&] {
    Stopwatch const wait;
    auto divisors = coordinator_->training_over(round);
    waited = wait.seconds();
    return divisors;
  };
  auto const update = [&](std::int64_t first, std::span<float> bucket) {
    coordinator_->update(parts, first, bucket, global_);
  };
  sum_.average(*training_, training_over, result.values, update);
  result.seconds = watch.seconds() - waited;
  times_.wait += waited;
  times_.aggregate += result.seconds;
  return result;
}

/// The coordinator's decision, on all.
Decision Simulation::decide(std::int64_t round) {
  Decision decision;
  if (coordinator_) decision = coordinator_->decide(round);
  training_->broadcast(std::as_writable_bytes(std::span(&decision, 1)), 0);
  return decision;
}

/// Where updates ask for them, how far clients are from the mean goes to the coordinator, what
/// layers are multiplied by comes back, and each rank multiplies. Every number is summed with zeros
/// alone, bit by bit, so it is the same on any number of ranks.
void Simulation::rescale(std::int64_t round, RoundParts const& parts, std::span<float> packed) {
  auto const count = parts.distant_layers.size();
  std::vector<std::int64_t> bits(context_.experiment->participants(round).size() * count, 0);
  if (clients_) {
    std::ranges::transform(clients_->distances(round, parts, packed), bits.begin(),
                           [](double value) { return std::bit_cast<std::int64_t>(value); });
  }
  training_->ireduce_sum(bits, 0).wait();
  std::vector<double> factors(count);
  if (coordinator_) {
    std::vector<double> distances(bits.size());
    std::ranges::transform(bits, distances.begin(),
                           [](std::int64_t value) { return std::bit_cast<double>(value); });
    factors = coordinator_->factors(parts, packed, distances, global_);
  }
  training_->broadcast(std::as_writable_bytes(std::span(factors)), 0);
  auto factor = factors.begin();
  auto layer = parts.distant_layers.begin();
  for (auto const& part : parts.averaged()) {
    bool const scaled = layer != parts.distant_layers.end() && *layer == part.layer;
    if (!scaled) continue;
    for (auto& value : elements(packed, part.packed)) {
      value = static_cast<float>(value * *factor);
    }
    ++factor;
    ++layer;
  }
}

/// False when the run is to stop; last_round_ then says after which round.
bool Simulation::round(std::int64_t round) {
  auto const parts = context_.experiment->parts(round);
  sum_.start(parts.parts, global_);
  if (coordinator_) coordinator_->begin_round();
  if (clients_) {
    enter("training", round);
    clients_->train(round, sum_);
  }
  enter("averaging", round);
  auto averaged = average(round, parts);
  auto const decision = decide(round);
  if (decision.given_up) {
    if (coordinator_) coordinator_->give_up(round, global_);
    return false;
  }
  if (!parts.distant_layers.empty()) rescale(round, parts, averaged.values);
  parts.averaged().unpack(averaged.values, global_);
  enter("finishing", round);
  // A client rank cannot tell waiting for others from averaging with them.
  double const waited = coordinator_ ? 0.0 : averaged.seconds;
  if (clients_) clients_->finish(round, parts, averaged.values, waited);
  if (coordinator_) coordinator_->finish(round, parts, global_, averaged.seconds, decision.save);
  if (decision.save) save(round);
  last_round_ = round;
  return !decision.stop;
}

void Simulation::save(std::int64_t round) {
  if (clients_) clients_->save(round);
  if (coordinator_) coordinator_->save(round, global_);
}

/// What this rank does, for the messages of others and its own errors.
void Simulation::enter(std::string const& phase, std::int64_t round) {
  context_.liveness->phase(phase + " round " + std::to_string(round));
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
  last_round_ = context_.resume_round.value_or(0);
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
    if (clients_) clients_->end();
    if (coordinator_) coordinator_->end(last_round_, trained);
    if (clients_) clients_->flush();
  }
  if (progress_) progress_->training_done();
  stop::announce("saving; what is left of the analysis is for --resume; some seconds");
  drain_analysis(true);
  context_.liveness->phase("waiting for the others");
  bool const finished = trained && !(analyst_ && analyst_->left_some());
  return std::ranges::min(context_.world->all_gather(std::int64_t{finished})) != 0;
}

TimeShares Simulation::times() const {
  auto all = times_;
  auto const add = [&](auto const& role) {
    if (!role) return;
    auto const times = role->times();
    all.train += times.train;
    all.wait += times.wait;
    all.evaluate += times.evaluate;
    all.analysis += times.analysis;
    all.store += times.store;
  };
  add(clients_);
  add(coordinator_);
  add(analyst_);
  return all;
}

std::uint64_t Simulation::global_hash() const {
  auto const size = static_cast<std::size_t>(context_.experiment->state().model_size());
  Checksum sum;
  sum.add(std::as_bytes(std::span(global_).first(size)));
  return sum.value();
}

}  // namespace fedstrata
