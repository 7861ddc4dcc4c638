#include "server/analyst.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/options.hpp"

namespace fedstrata {

Analyst::Analyst(AnalysisInput input, Layout const& layout, mpi::Comm const& world,
                 mpi::Comm const& group)
    : input_(std::move(input)),
      world_(&world),
      group_(&group),
      shards_(static_cast<int>(layout.analysis.size())),
      writer_(*input_.experiment, *input_.run, group.rank(), shards_,
              [this](std::int64_t round, std::vector<std::int64_t> const& excluded) {
                shard_complete(round, excluded);
              }),
      pool_(input_, group, [this] { serve(true); }),
      outbox_(group, 8, {}) {
  auto const& config = input_.experiment->config;
  for (std::int64_t round = 0; round <= config.federation.rounds; ++round) {
    remaining_ += input_.experiment->wanted(round).analyse ? 1 : 0;
  }
  if (remaining_ == 0) {
    pool_.close();
  } else if (pool_.leads()) {
    input_.run->write_analysis_config(input_.name, to_text(config));
  }
}

void Analyst::shard_complete(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  if (!input_.experiment->wanted(round).analyse) return;
  if (pool_.leads()) {
    if (++complete_[round] == shards_) analyse(round, excluded);
  } else {
    outbox_.send(std::move(Message().put(std::vector{round}).put(excluded)), 0,
                 Tag::shard_complete);
  }
}

void Analyst::analyse(std::int64_t round, std::vector<std::int64_t> const& excluded) {
  complete_.erase(round);
  bool const skip = input_.experiment->config.analysis.backlog == Backlog::skip;
  if (skip && pool_.pending() >= kBacklog) {
    AnalysisSegment segment;
    segment.rounds = {round};
    segment.placeholder = true;
    segment.skipped.push_back(
        {round, kNobody, kNobody, "analysis was behind (analysis.backlog = skip)"});
    input_.run->write_analysis(input_.name, segment);
    input_.run->discard(round);
  } else {
    RoundJob job{round, {}, excluded, {}, {}};
    for (auto const id : input_.experiment->participants(round)) {
      if (std::ranges::find(excluded, id) == excluded.end()) job.clients.push_back(id);
    }
    pool_.add(std::move(job));
  }
  if (--remaining_ == 0) pool_.close();
}

void Analyst::serve(bool hold) {
  while (auto const envelope = group_->probe(-1, number(Tag::shard_complete))) {
    auto message = receive(*group_, *envelope);
    auto const round = message.take<std::int64_t>().at(0);
    if (++complete_[round] == shards_) analyse(round, message.take<std::int64_t>());
  }
  bool const wait = input_.experiment->config.analysis.backlog == Backlog::wait;
  if (hold && wait && pool_.leads() && pool_.pending() > kBacklog) return;
  while (auto const envelope = world_->probe(-1, number(Tag::commit))) {
    writer_.commit(Commit::unpack(receive(*world_, *envelope)));
  }
  while (auto const envelope = world_->probe(-1, number(Tag::row))) {
    auto message = receive(*world_, *envelope);
    auto const header = message.take<RowHeader>().at(0);
    writer_.row(header, message.take<float>());
  }
}

bool Analyst::advance(bool hold) {
  serve(hold);
  return pool_.advance();
}

TimeShares Analyst::times() const {
  TimeShares times;
  times.analysis = pool_.seconds();
  times.store = writer_.seconds();
  return times;
}

}  // namespace fedstrata
