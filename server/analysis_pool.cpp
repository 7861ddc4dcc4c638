#include "server/analysis_pool.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "common/selection.hpp"
#include "common/stopwatch.hpp"
#include "server/model_rows.hpp"

namespace fedstrata {
namespace {

// Seconds between looks for messages: each look may yield the core to another rank.
constexpr double kServeEvery = 0.005;
constexpr std::int64_t kFinish = -1;  // instead of a round: no more work

BatchLoader loader(Batches const* data) {
  return [data](std::int64_t first, std::int64_t count) {
    auto const batch = data->range(first, count);
    return EvaluationBatch{batch.images, batch.labels};
  };
}

}  // namespace

/// A round in work: its units, and on the leader the results so far.
struct AnalysisPool::Job {
  RoundJob round;
  RoundAnalysis analysis;
  ModelRows rows;
  std::vector<std::vector<double>> results;
  std::size_t assigned = 0;
  std::size_t missing;
};

struct AnalysisPool::Assignment {
  Job* job = nullptr;
  std::size_t unit = 0;
};

AnalysisPool::AnalysisPool(AnalysisInput input, mpi::Comm const& comm,
                           std::function<void()> interlude)
    : input_(std::move(input)),
      comm_(&comm),
      interlude_([this, inner = std::move(interlude), last = Stopwatch()]() mutable {
        if (last.seconds() < kServeEvery) return;
        if (inner) inner();
        if (leads()) serve();
        last = Stopwatch();
      }),
      outbox_(comm, 64, {}) {}

AnalysisPool::~AnalysisPool() = default;

std::unique_ptr<AnalysisPool::Job> AnalysisPool::make_job(RoundJob const& round) const {
  auto const& experiment = *input_.experiment;
  auto const& analysis = experiment.config.analysis;
  auto const kind = analysis.at == RowsAt::before ? RowKind::before : RowKind::after;
  auto job = std::unique_ptr<Job>(
      new Job{round,
              RoundAnalysis(analysis, parse_alphas(analysis.alphas), experiment.model,
                            parse_pairs(analysis.pairs, experiment.clients()),
                            experiment.config.run.seed, round.round, round.clients,
                            experiment.dataset.train_count, experiment.dataset.test_count),
              ModelRows(experiment, *input_.run, *input_.device, round.round, kind, round.clients,
                        analysis.memory),
              {},
              0,
              0});
  job->missing = job->analysis.units();
  job->results.resize(job->missing);
  return job;
}

void AnalysisPool::add(RoundJob job) {
  jobs_.push_back(make_job(job));
  assign_waiting();
}

bool AnalysisPool::next(Assignment& out) {
  for (auto const& job : jobs_) {
    if (job->assigned == job->analysis.units()) continue;
    out = {job.get(), job->assigned++};
    return true;
  }
  return false;
}

void AnalysisPool::assign_waiting() {
  Assignment assignment;
  while (!waiting_.empty() && next(assignment)) {
    auto const& round = assignment.job->round;
    Message message;
    message.put(std::vector{round.round, static_cast<std::int64_t>(assignment.unit)});
    message.put(round.clients);
    outbox_.send(std::move(message), waiting_.back(), Tag::unit);
    waiting_.pop_back();
  }
}

void AnalysisPool::take_result(std::int64_t round, std::size_t unit, std::vector<double> values) {
  for (auto const& job : jobs_) {
    if (job->round.round != round) continue;
    job->results[unit] = std::move(values);
    --job->missing;
  }
}

void AnalysisPool::serve() {
  while (auto const envelope = comm_->probe(-1, number(Tag::unit_request))) {
    auto message = receive(*comm_, *envelope);
    auto const which = message.take<std::int64_t>();
    if (!which.empty()) {
      take_result(which[0], static_cast<std::size_t>(which[1]), message.take<double>());
    }
    waiting_.push_back(envelope->from);
  }
  assign_waiting();
}

std::vector<double> AnalysisPool::compute(Job& job, std::size_t unit) {
  Stopwatch const watch;
  ModelSource const models{[&](std::int64_t client) { return job.rows.trained(client); },
                           [&](std::int64_t client) { return job.rows.initial(client); }};
  auto values =
      job.analysis.compute(unit, models, {loader(input_.train), loader(input_.test)}, interlude_);
  seconds_ += watch.seconds();
  return values;
}

void AnalysisPool::write_finished() {
  while (!jobs_.empty() && jobs_.front()->missing == 0) {
    auto& job = *jobs_.front();
    auto segment = job.analysis.assemble(job.results);
    segment.rounds = {job.round.round};
    for (auto const client : job.round.diverged) {
      segment.skipped.push_back({job.round.round, client, kNobody, "client diverged"});
    }
    std::ranges::stable_sort(segment.skipped, {},
                             [](auto const& row) { return std::tuple(row.round, row.a, row.b); });
    input_.run->write_analysis(input_.name, segment);
    input_.run->discard(job.round.round);
    jobs_.pop_front();
  }
}

bool AnalysisPool::lead() {
  serve();
  Assignment mine;
  bool const busy = next(mine);
  if (busy) {
    auto const round = mine.job->round.round;
    take_result(round, mine.unit, compute(*mine.job, mine.unit));
  }
  write_finished();
  if (closed_ && jobs_.empty() && static_cast<int>(waiting_.size()) == comm_->size() - 1) {
    for (int const rank : std::exchange(waiting_, {})) {
      outbox_.send(std::move(Message().put(std::vector{kFinish})), rank, Tag::unit);
    }
    outbox_.flush();
    finished_ = true;
  }
  return busy;
}

bool AnalysisPool::work() {
  if (!asked_) {
    outbox_.send(std::move(Message().put(std::vector<std::int64_t>{})), 0, Tag::unit_request);
    asked_ = true;
  }
  auto const envelope = comm_->probe(0, number(Tag::unit));
  if (!envelope) return false;
  auto message = receive(*comm_, *envelope);
  auto const which = message.take<std::int64_t>();
  if (which[0] == kFinish) {
    finished_ = true;
    return true;
  }
  auto clients = message.take<std::int64_t>();
  if (jobs_.empty() || jobs_.front()->round.round != which[0]) {
    jobs_.clear();
    jobs_.push_back(make_job({which[0], std::move(clients), {}}));
  }
  auto const values = compute(*jobs_.front(), static_cast<std::size_t>(which[1]));
  outbox_.send(std::move(Message().put(which).put(values)), 0, Tag::unit_request);
  return true;
}

bool AnalysisPool::advance() {
  if (finished_) return false;
  return leads() ? lead() : work();
}

}  // namespace fedstrata
