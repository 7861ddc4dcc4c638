#include "server/analysis/analyst.hpp"

#include <algorithm>
#include <utility>

#include "common/base/process/stop.hpp"
#include "common/config/options.hpp"

namespace fedstrata {

Analyst::Analyst(AnalysisInput input, Layout const& layout, mpi::Comm const& world,
                 mpi::Comm const& group, std::int64_t trained)
    : input_(std::move(input)),
      world_(&world),
      group_(&group),
      shards_(static_cast<int>(layout.analysis.size())),
      writer_(*input_.experiment, *input_.run, group.rank(), shards_,
              [this](std::int64_t round, std::vector<std::int64_t> const& excluded) {
                shard_complete(round, excluded);
              }),
      pool_(input_, group, [this] { serve(true); }),
      outbox_(group, 8),
      serving_(world.background().while_waiting([this] { serve(false); })) {
  auto const& config = input_.experiment->config;
  auto const analysed = input_.run->analysed_rounds(input_.name);
  for (std::int64_t round = 1; round <= config.federation.rounds; ++round) {
    if (!input_.experiment->wanted(round).analyse) continue;
    if (std::ranges::binary_search(analysed, round)) continue;
    to_come_.insert(round);
  }
  if (pool_.leads()) {
    for (auto const& stored : input_.run->checkpoints()) {
      bool const done = std::ranges::binary_search(analysed, stored.round);
      if (!stored.kept && done) input_.run->discard(stored.round);
    }
  }
  if (pool_.leads() && !to_come_.empty() && !input_.run->has_analysis(input_.name)) {
    input_.run->write_analysis_config(input_.name, to_text(config));
  }
  while (!to_come_.empty() && *to_come_.begin() <= trained) {
    auto const round = *to_come_.begin();
    if (pool_.leads()) add_stored(round);
    to_come_.erase(round);
  }
  if (to_come_.empty()) pool_.close();
}

/// A round that was trained before this start; one whose rows are not there was skipped.
void Analyst::add_stored(std::int64_t round) {
  auto const stored = input_.run->checkpoints();
  bool const at_before = input_.experiment->config.analysis.at == RowsAt::before;
  auto const has_rows = [&](CheckpointInfo const& info) {
    return info.round == round && (at_before ? info.before : info.after);
  };
  if (std::ranges::none_of(stored, has_rows)) return;
  std::vector<std::int64_t> excluded;
  for (auto const& record : input_.run->metrics<ClientRecord>()) {
    if (record.round == round && record.excluded != 0) excluded.push_back(record.client);
  }
  add_job(round, excluded);
}

void Analyst::shard_complete(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  if (!input_.experiment->wanted(round).analyse) return;
  if (pool_.leads()) {
    if (++complete_[round] == shards_) analyse(round, excluded);
  } else {
    outbox_.send(ShardComplete{round, excluded}, 0);
  }
}

void Analyst::add_job(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  RoundJob job{.round = round, .diverged = excluded};
  for (auto const id : input_.experiment->participants(round)) {
    if (std::ranges::find(excluded, id) == excluded.end()) job.clients.push_back(id);
  }
  pool_.add(std::move(job));
}

void Analyst::analyse(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  complete_.erase(round);
  if (to_come_.erase(round) == 0)
    return input_.run->discard(round);  // analysed by an earlier start
  bool const skip = input_.experiment->config.analysis.backlog == Backlog::skip;
  if (skip && pool_.pending() >= kBacklog) {
    AnalysisSegment segment;
    segment.rounds = {round};
    segment.placeholder = true;
    segment.rows<SkippedRecord>().push_back(
        {round, kNobody, kNobody, "analysis was behind (analysis.backlog = skip)"});
    input_.run->write_analysis(input_.name, segment);
    input_.run->discard(round);
  } else {
    add_job(round, excluded);
  }
  if (to_come_.empty()) pool_.close();
}

void Analyst::end(std::int64_t round) {
  ended_ = true;
  to_come_.erase(to_come_.upper_bound(round), to_come_.end());
  if (to_come_.empty()) pool_.close();
}

/// Once nothing more will be trained, whoever wants the run to stop does not wait for its analysis.
void Analyst::leave_rest() {
  if (!ended_ || !pool_.leads() || !writer_.finished()) return;
  if (!interrupted_ && !stop::requested()) return;
  left_some_ = left_some_ || pool_.pending() > 0;
  pool_.drop();
}

/// Takes messages that have arrived, without waiting.
void Analyst::serve(bool hold) {
  while (auto const complete = receive_waiting<ShardComplete>(*group_)) {
    auto const& [round, excluded] = complete->content;
    if (++complete_[round] == shards_) analyse(round, excluded);
  }
  bool const wait = input_.experiment->config.analysis.backlog == Backlog::wait;
  if (hold && wait && !stop::requested() && pool_.leads() && pool_.pending() > kBacklog) return;
  while (auto received = receive_waiting<Commit>(*world_)) {
    auto& commit = received->content;
    interrupted_ = interrupted_ || commit.what == Commit::What::interruption;
    if (commit.what == Commit::What::end || commit.what == Commit::What::interruption) {
      end(commit.round);
    }
    writer_.commit(std::move(commit));
  }
  while (auto const received = receive_waiting<ModelRow>(*world_)) {
    writer_.row(received->content.header, received->content.values);
  }
}

bool Analyst::advance(bool hold) {
  auto const busy = serving_.hold();
  serve(hold);
  leave_rest();
  return pool_.advance();
}

TimeShares Analyst::times() const {
  TimeShares times;
  times.analysis = pool_.seconds();
  times.store = writer_.seconds();
  return times;
}

}  // namespace fedstrata
