#include "server/row_writer.hpp"

#include <optional>
#include <utility>

#include "common/stopwatch.hpp"

namespace fedstrata {

Message Commit::pack() const {
  return std::move(Message().put(std::vector{round}).put(excluded).put(global));
}

Commit Commit::unpack(Message message) {
  Commit commit;
  commit.round = message.take<std::int64_t>().at(0);
  commit.excluded = message.take<std::int64_t>();
  commit.global = message.take<float>();
  return commit;
}

/// One round being written: the files that stay, and those that only the analysis needs.
struct RowWriter::Round {
  std::optional<CheckpointWriter> kept, pending;
  CheckpointShard kept_shard, pending_shard;
  std::size_t expected = 0, arrived = 0;
  std::optional<Commit> commit;
};

RowWriter::RowWriter(Experiment const& experiment, RunDirectory& run, int shard, int shards,
                     std::function<void(std::int64_t, std::vector<std::int64_t> const&)> complete)
    : experiment_(&experiment),
      run_(&run),
      shard_(shard),
      shards_(shards),
      complete_(std::move(complete)) {
  for (std::int64_t round = 0; round <= experiment.config.federation.rounds; ++round) {
    remaining_ += experiment.wanted(round).any() ? 1 : 0;
  }
}

RowWriter::~RowWriter() = default;

RowWriter::Round& RowWriter::at(std::int64_t number) {
  auto& slot = open_[number];
  if (slot) return *slot;
  slot = std::make_unique<Round>();
  auto const wanted = experiment_->wanted(number);
  CheckpointShard shard;
  shard.round = number;
  shard.shard = shard_;
  shard.shards = shards_;
  if (number > 0 || wanted.keep_before) {
    for (std::int64_t id :
         number > 0 ? experiment_->participants(number) : experiment_->all_clients()) {
      if (id % shards_ == shard_) shard.clients.push_back(id);
    }
  }
  slot->expected =
      shard.clients.size() * ((wanted.before() ? 1U : 0U) + (wanted.after() ? 1U : 0U));
  shard.global = shard_ == 0;
  if (wanted.keep) {
    slot->kept_shard = shard;
    slot->kept_shard.before = wanted.keep_before;
    slot->kept_shard.after = wanted.keep_after;
    slot->kept.emplace(*run_, slot->kept_shard);
  }
  bool const before = wanted.before() && !wanted.keep_before;
  bool const after = wanted.after() && !wanted.keep_after;
  if (before || after) {
    shard.keep = false;
    shard.before = before;
    shard.after = after;
    slot->pending_shard = shard;
    slot->pending.emplace(*run_, shard);
  }
  return *slot;
}

void RowWriter::row(RowHeader const& header, std::span<float const> values) {
  Stopwatch const watch;
  auto& round = at(header.round);
  auto const parameters = static_cast<std::size_t>(experiment_->model.table().parameter_count);
  auto const kind = header.after != 0 ? RowKind::after : RowKind::before;
  bool const keep = header.after != 0 ? round.kept_shard.after : round.kept_shard.before;
  (keep ? round.kept : round.pending)
      ->write(kind, header.client, values.first(parameters), values.subspan(parameters));
  ++round.arrived;
  seconds_ += watch.seconds();
  finish_if_complete(header.round);
}

void RowWriter::commit(Commit commit) {
  auto const number = commit.round;
  at(number).commit = std::move(commit);
  finish_if_complete(number);
}

void RowWriter::finish_if_complete(std::int64_t number) {
  Stopwatch const watch;
  auto& round = at(number);
  if (!round.commit || round.arrived < round.expected) return;
  auto const parameters = static_cast<std::size_t>(experiment_->model.table().parameter_count);
  auto const global = std::span<float const>(round.commit->global);
  for (auto* writer : {&round.kept, &round.pending}) {
    if (!*writer) continue;
    if (shard_ == 0) {
      (*writer)->write(RowKind::global, 0, global.first(parameters), global.subspan(parameters));
    }
    (*writer)->commit();
  }
  auto const excluded = std::move(round.commit->excluded);
  open_.erase(number);
  --remaining_;
  seconds_ += watch.seconds();
  complete_(number, excluded);
}

}  // namespace fedstrata
