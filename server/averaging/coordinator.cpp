#include "server/averaging/coordinator.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/process/launcher.hpp"
#include "common/base/process/stop.hpp"

// Sums are integers (exact_sum.hpp), so they can be added up by anybody in any order; what is left
// for the coordinator is to divide, to make of the means what the updates say, to decide how a
// round ends, and to keep its metrics until all ranks have reported theirs.

namespace fedstrata {

std::vector<double> divisors(Experiment const& experiment, std::int64_t round,
                             std::vector<std::int64_t> const& excluded) {
  if (excluded.empty()) return std::vector<double>(experiment.weightings(round).size(), 1.0);
  auto const ids = experiment.participants(round);
  require(excluded.size() < ids.size(), "all participants of round " + std::to_string(round) +
                                            " diverged; lower " +
                                            experiment.learning_rate_keys(round));
  std::vector<double> sums;
  for (auto const& weights : experiment.weights(round)) {
    double sum = 0.0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (std::ranges::find(excluded, ids[i]) == excluded.end()) sum += weights[i];
    }
    sums.push_back(sum);
  }
  return sums;
}

Coordinator::Coordinator(Experiment const& experiment, Layout const& layout, mpi::Comm const& world,
                         RunWriter& run, std::vector<std::int64_t> test_counts,
                         std::int64_t trained, std::function<void(RoundRecord const&)> metrics)
    : experiment_(&experiment),
      layout_(&layout),
      world_(&world),
      run_(&run),
      tell_metrics_(std::move(metrics)),
      updates_(experiment),
      metrics_(experiment, std::move(test_counts)),
      outbox_(world, 8),
      saved_round_(trained) {}

void Coordinator::start(std::span<float const> global) {
  commit(0, global);
  collect(0, {}, {});
  write_metrics(0, false);
}

void Coordinator::begin_round() {
  announce_stop();
  since_begin_ = Stopwatch();
  excluded_.clear();
  given_up_ = false;
}

/// What a signal will bring: a round is given up where its rest takes longer than run.grace.
void Coordinator::announce_stop() const {
  double const grace = experiment_->config.run.grace;
  bool const known = longest_round_ > 0.0;
  double const seconds = std::ceil(known ? std::min(longest_round_, grace) : grace);
  stop::announce(std::string("finishing the round, then saving; ") +
                 (known ? "about " : "at most some ") +
                 std::to_string(std::lround(std::max(1.0, seconds))) + " s" +
                 (launcher::under_mpirun() ? " (mpirun leaves one second, but to SIGUSR1)" : ""));
}

std::vector<double> Coordinator::training_over(std::int64_t round) {
  for (int const rank : layout_->clients) {
    auto const end = receive_from<TrainingEnd>(*world_, rank);
    excluded_.insert(excluded_.end(), end.excluded.begin(), end.excluded.end());
    if (end.stop) stop::request();
    given_up_ = given_up_ || end.given_up;
  }
  std::ranges::sort(excluded_);
  auto result = divisors(*experiment_, round, excluded_);
  updates_.begin(round, excluded_);
  return result;
}

void Coordinator::update(RoundParts const& parts, std::int64_t first, std::span<float> packed,
                         std::span<float const> before) {
  // What updates keep of a round that does not count stays that of the round before.
  if (!given_up_) updates_.apply(parts, first, packed, before);
}

Decision Coordinator::decide(std::int64_t round) {
  auto const& config = experiment_->config;
  auto const minutes = config.checkpoint.minutes;
  bool const last = round == config.federation.rounds;
  bool const due = minutes > 0.0 && since_state_.seconds() > 60.0 * minutes;
  bool const stop = !last && stop::requested(longest_round_ + config.run.grace);
  bool const stored = experiment_->wanted(round).keep;
  Decision const decision{
      .save = stop || last || due || stored, .stop = stop, .given_up = given_up_};
  if (decision.save) since_state_ = Stopwatch();
  return decision;
}

void Coordinator::give_up(std::int64_t round, std::span<float const> global) {
  if (!experiment_->own_parts().empty() || round - 1 <= saved_round_) return;
  write_metrics(round - 1, true);
  save(round - 1, global);
}

void Coordinator::finish(std::int64_t round, RoundParts const& parts, std::span<float const> global,
                         double averaging, bool write) {
  commit(round, global);
  Stopwatch const wait;
  collect(round, parts, {.round = since_begin_.seconds(), .aggregate = averaging});
  times_.wait += wait.seconds();
  write_metrics(round, write);
  longest_round_ = std::max(longest_round_, since_begin_.seconds());
}

void Coordinator::save(std::int64_t round, std::span<float const> global) {
  Commit commit{.what = Commit::What::state, .round = round};
  commit.global.assign(global.begin(), global.end());
  auto const kept = updates_.state();
  commit.global.insert(commit.global.end(), kept.begin(), kept.end());
  tell_writers(commit);
  saved_round_ = round;
}

void Coordinator::end(std::int64_t round, bool finished) {
  for (int const rank : layout_->clients) receive_from<RowsSent>(*world_, rank);
  tell_writers({.what = finished ? Commit::What::end : Commit::What::interruption, .round = round});
  outbox_.flush();
}

void Coordinator::collect(std::int64_t round, RoundParts const& parts, RoundTimes const& times) {
  std::vector<RoundReport> reports;
  for (int const rank : layout_->clients) {
    reports.push_back(receive_from<RoundReport>(*world_, rank));
  }
  tell_metrics_(metrics_.record(round, parts, reports, times));
}

void Coordinator::commit(std::int64_t round, std::span<float const> global) {
  if (!experiment_->wanted(round).any()) return;
  auto const model = global.first(static_cast<std::size_t>(experiment_->state().model_size()));
  tell_writers({.what = Commit::What::average,
                .round = round,
                .excluded = excluded_,
                .global = {model.begin(), model.end()}});
}

void Coordinator::tell_writers(Commit const& commit) {
  for (int const rank : layout_->analysis) outbox_.send(commit, rank);
}

/// Metrics reach the disk before each state, and with rounds that are analysed now and then: the
/// number of files does not grow with rounds.
void Coordinator::write_metrics(std::int64_t round, bool saved) {
  constexpr double kOften = 10.0;  // seconds
  bool const late = round == 0 || since_metrics_.seconds() > kOften;
  if (!saved && !(late && experiment_->wanted(round).any())) return;
  auto segment = metrics_.take();
  if (segment.rows<RoundRecord>().empty()) return;
  Stopwatch const watch;
  run_->write_metrics(std::move(segment));
  since_metrics_ = Stopwatch();
  times_.store += watch.seconds();
}

}  // namespace fedstrata
