// The leader hands out one unit at a time to whoever asks, itself included: units differ in cost
// and ranks in speed, so that no fixed share would end at one time. Two rounds are in work at once,
// so that ranks have something to do while a round's last units are computed. Results may arrive in
// any order; they are kept by unit and added up in the order of the units once a phase is complete.
#include "server/analysis/pool.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "common/base/stopwatch.hpp"
#include "server/analysis/calibration.hpp"
#include "server/analysis/stored_models.hpp"

namespace fedstrata {
namespace {

// Seconds between looks for messages: each look may yield the core to another rank.
constexpr double kServeEvery = 0.005;
constexpr std::size_t kRoundsAtOnce = 2;  // so that ranks have work while a round's last units run

}  // namespace

/// A round in work: its units, and on the leader the results so far.
struct AnalysisPool::Job {
  RoundJob round;
  RoundAnalysis analysis;
  std::optional<AnalysisModels> models = {};
  std::vector<std::optional<UnitResult>> results = {};  ///< of the phase
  std::size_t assigned = 0;
  std::size_t missing = 0;
  bool done = false;
};

struct AnalysisPool::Assignment {
  Job* job = nullptr;
  std::size_t unit = 0;
};

AnalysisPool::AnalysisPool(AnalysisInput input, mpi::Comm const& comm,
                           std::function<void()> serve_others)
    : input_(std::move(input)),
      comm_(&comm),
      interlude_([this, others = std::move(serve_others), last = Stopwatch()]() mutable {
        if (last.seconds() < kServeEvery) return;
        if (others) others();
        comm_->background().look_up();
        if (leads()) serve();
        last = Stopwatch();
      }),
      outbox_(comm, 64) {}

AnalysisPool::~AnalysisPool() = default;

std::unique_ptr<AnalysisPool::Job> AnalysisPool::make_job(RoundJob const& round) const {
  auto const& experiment = *input_.experiment;
  auto const& config = experiment.config;
  bool const against = input_.other != nullptr;
  check_pairs(config.analysis.pairs, experiment.clients(), against,
              against ? input_.other->header().partition.clients() : 0);
  PlanInput const plan{.config = config.analysis,
                       .table = experiment.model.table(),
                       .partition = experiment.partition,
                       .seed = config.run.seed,
                       .round = round.round,
                       .participants = round.clients,
                       .partners = round.partners,
                       .other_run = input_.other_run,
                       .train_count = experiment.dataset.train_count,
                       .test_count = experiment.dataset.test_count};
  auto job = std::unique_ptr<Job>(new Job{
      .round = round,
      .analysis = RoundAnalysis(plan, experiment.model, *experiment.task,
                                input_shape(experiment.dataset), calibration_inputs(input_))});
  job->models.emplace(experiment.model, job->analysis.plan().models, config.run.seed,
                      stored_models(input_, round), uploader(experiment.model, *input_.device),
                      aligner(input_), config.analysis.memory / 2);
  begin_phase(*job);
  return job;
}

std::string AnalysisPool::check(RoundJob const& job) const {
  auto const& experiment = *input_.experiment;
  require_calibration(experiment.config.analysis, experiment.model,
                      input_shape(experiment.dataset));
  auto const planned = make_job(job);
  return planned->analysis.describe(planned->models->capacity());
}

void AnalysisPool::add(RoundJob job) {
  queue_.push_back(std::move(job));
  assign_waiting();
}

void AnalysisPool::drop() {
  queue_.clear();
  jobs_.clear();
  close();
}

/// Units whose results a journal has are not computed again.
void AnalysisPool::begin_phase(Job& job) const {
  auto const units = job.analysis.units();
  job.results.assign(units, std::nullopt);
  job.assigned = 0;
  job.missing = units;
  if (input_.journal == nullptr) return;
  for (std::size_t u = 0; u < units; ++u) {
    auto const* known =
        input_.journal->find({job.round.round, job.analysis.phase(), static_cast<std::int64_t>(u)});
    if (known == nullptr) continue;
    try {
      job.results[u] = job.analysis.unpack(u, *known);
    } catch (Error const&) {
      continue;  // of another plan: the unit is computed again
    }
    --job.missing;
  }
}

bool AnalysisPool::next(Assignment& out) {
  for (;;) {
    for (auto const& job : jobs_) {
      auto& unit = job->assigned;
      while (unit < job->results.size() && job->results[unit]) ++unit;
      if (unit >= job->results.size() || job->done) continue;
      out = {job.get(), unit++};
      return true;
    }
    if (queue_.empty() || jobs_.size() >= kRoundsAtOnce) return false;
    jobs_.push_back(make_job(queue_.front()));
    queue_.pop_front();
    finish_phases();
  }
}

void AnalysisPool::assign_waiting() {
  Assignment assignment;
  while (!waiting_.empty() && next(assignment)) {
    auto const& job = *assignment.job;
    int const rank = waiting_.back();
    waiting_.pop_back();
    outbox_.send(UnitOrder{.round = job.round.round,
                           .phase = job.analysis.phase(),
                           .unit = static_cast<std::int64_t>(assignment.unit),
                           .clients = job.round.clients,
                           .partners = job.round.partners,
                           .trajectory = job.round.trajectory,
                           .requests = job.analysis.requests()},
                 rank);
  }
}

AnalysisPool::Job* AnalysisPool::job_of(std::int64_t round) {
  auto const found =
      std::ranges::find(jobs_, round, [](auto const& job) { return job->round.round; });
  return found == jobs_.end() ? nullptr : found->get();
}

void AnalysisPool::take_result(Job& job, std::size_t unit, UnitResult result) {
  job.results[unit] = std::move(result);
  --job.missing;
}

void AnalysisPool::remember(UnitIndex const& unit, std::vector<double> const& values) {
  if (input_.journal != nullptr) input_.journal->append(unit, values);
}

void AnalysisPool::finish_phases() {
  for (auto const& job : jobs_) {
    while (!job->done && job->missing == 0) {
      std::vector<UnitResult> results;
      for (auto& result : job->results) results.push_back(std::move(result.value()));
      job->done = !job->analysis.finish_phase(results);
      if (!job->done) begin_phase(*job);
    }
  }
}

void AnalysisPool::serve() {
  while (auto request = receive_waiting<UnitRequest>(*comm_)) {
    auto const& [round, phase, unit, result] = request->content;
    if (round != UnitRequest::kNone) {
      remember({round, phase, unit}, result);
      auto const place = static_cast<std::size_t>(unit);
      auto* const job = job_of(round);  // null once drop() was called
      if (job != nullptr) take_result(*job, place, job->analysis.unpack(place, result));
    }
    waiting_.push_back(request->from);
  }
  finish_phases();
  assign_waiting();
}

UnitResult AnalysisPool::compute(Job& job, std::size_t unit) {
  Stopwatch const watch;
  SampleSource const samples{[&](auto indices) { return input_.train->gather(indices); },
                             [&](auto indices) { return input_.test->gather(indices); }};
  auto result = job.analysis.compute(unit, *job.models, samples, interlude_);
  seconds_ += watch.seconds();
  return result;
}

void AnalysisPool::write_finished() {
  while (!jobs_.empty() && jobs_.front()->done) {
    auto& job = *jobs_.front();
    auto segment = job.analysis.assemble();
    for (auto const client : job.round.diverged) {
      segment.rows<SkippedRecord>().push_back(
          {job.round.round, client, kNobody, "client diverged"});
    }
    std::ranges::stable_sort(segment.rows<SkippedRecord>(), {},
                             [](auto const& row) { return std::tuple(row.round, row.a, row.b); });
    input_.run->write_analysis(input_.name, segment);
    input_.run->discard(job.round.round);
    if (input_.journal != nullptr) input_.journal->forget(job.round.round);
    ++written_.rounds;
    written_.done += 1.0;
    written_.multiply_adds += job.analysis.work_done();
    written_.plain_multiply_adds += job.analysis.work_plain();
    jobs_.pop_front();
  }
}

AnalysisProgress AnalysisPool::progress() const {
  auto result = written_;
  for (auto const& job : jobs_) {
    auto const units = static_cast<double>(job->results.size());
    if (units > 0.0) result.done += 1.0 - static_cast<double>(job->missing) / units;
  }
  return result;
}

bool AnalysisPool::lead() {
  serve();
  Assignment mine;
  bool const busy = next(mine);
  if (busy) {
    auto& job = *mine.job;
    auto result = compute(job, mine.unit);
    remember({job.round.round, job.analysis.phase(), static_cast<std::int64_t>(mine.unit)},
             packed(result));
    take_result(job, mine.unit, std::move(result));
    finish_phases();
  }
  write_finished();
  if (closed_ && pending() == 0 && static_cast<int>(waiting_.size()) == comm_->size() - 1) {
    for (int const rank : std::exchange(waiting_, {})) {
      outbox_.send(UnitOrder{.round = UnitOrder::kFinish}, rank);
    }
    outbox_.flush();
    finished_ = true;
  }
  return busy;
}

bool AnalysisPool::work() {
  if (!asked_) {
    outbox_.send(UnitRequest{}, 0);
    asked_ = true;
  }
  auto received = receive_waiting<UnitOrder>(*comm_, 0);
  if (!received) return false;
  auto& order = received->content;
  if (order.round == UnitOrder::kFinish) {
    finished_ = true;
    return true;
  }
  if (jobs_.empty() || jobs_.front()->round.round != order.round) {
    jobs_.clear();
    jobs_.push_back(make_job({.round = order.round,
                              .clients = std::move(order.clients),
                              .partners = std::move(order.partners),
                              .trajectory = std::move(order.trajectory)}));
  }
  auto& job = *jobs_.front();
  job.analysis.enter(order.phase, std::move(order.requests));
  outbox_.send(UnitRequest{.round = order.round,
                           .phase = order.phase,
                           .unit = order.unit,
                           .result = packed(compute(job, static_cast<std::size_t>(order.unit)))},
               0);
  return true;
}

bool AnalysisPool::advance() {
  if (finished_) return false;
  return leads() ? lead() : work();
}

}  // namespace fedstrata
