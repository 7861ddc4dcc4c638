#include "server/averaging/row_writer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/stopwatch.hpp"
#include "common/store/rows/resume_files.hpp"
#include "server/averaging/layer_updates.hpp"

// Rows come from the client ranks in pieces, in any order, while training goes on; two at most are
// under way from each, so memory is bounded. A checkpoint exists when all its rows are on disk, not
// before.

namespace fedstrata {

/// One round being written: the files that stay, and those that only the analysis needs.
struct RowWriter::Round {
  std::optional<CheckpointWriter> kept, pending;
  CheckpointShard kept_shard, pending_shard;
  std::size_t expected = 0, arrived = 0;
  std::optional<Commit> commit;
};

/// A resume state being written.
struct RowWriter::State {
  RowFileWriter writer;
  bool committed = false;
};

RowWriter::RowWriter(Experiment const& experiment, RunWriter& run, int shard, int shards,
                     std::function<void(std::int64_t, std::vector<std::int64_t> const&)> complete)
    : experiment_(&experiment),
      run_(&run),
      shard_(shard),
      shards_(shards),
      complete_(std::move(complete)) {
  for (auto const& info : run.checkpoints()) {
    (info.kept ? stored_ : pending_).push_back(info.round);
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
  if (wanted.keep && !std::ranges::binary_search(stored_, number)) {
    slot->kept_shard = shard;
    slot->kept_shard.before = wanted.keep_before;
    slot->kept_shard.after = wanted.keep_after;
    slot->kept.emplace(*run_, slot->kept_shard);
  }
  bool const before = wanted.before() && !wanted.keep_before;
  bool const after = wanted.after() && !wanted.keep_after;
  if ((before || after) && !std::ranges::binary_search(pending_, number)) {
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
  if (header.use == RowUse::state) {
    run_->writing([&] { state(header.round).writer.write(kOwnRow, header.client, values); });
    seconds_ += watch.seconds();
    return finish_states();
  }
  auto& round = at(header.round);
  auto const parameters = static_cast<std::size_t>(experiment_->model.table().parameter_count);
  bool const after = header.use == RowUse::after;
  for (auto [file, shard] : {std::pair(&round.kept, &round.kept_shard),
                             std::pair(&round.pending, &round.pending_shard)}) {
    if (!*file || !(after ? shard->after : shard->before)) continue;
    (*file)->write(after ? RowKind::after : RowKind::before, header.client,
                   values.first(parameters), values.subspan(parameters));
  }
  ++round.arrived;
  seconds_ += watch.seconds();
  finish_if_complete(header.round);
}

void RowWriter::commit(Commit commit) {
  auto const number = commit.round;
  switch (commit.what) {
    case Commit::What::average:
      at(number).commit = std::move(commit);
      return finish_if_complete(number);
    case Commit::What::state: {
      Stopwatch const watch;
      run_->writing([&] {
        auto& saved = state(number);
        if (shard_ == 0) write_coordinators(saved.writer, commit.global);
        saved.committed = true;
      });
      seconds_ += watch.seconds();
      return finish_states();
    }
    case Commit::What::end:
    case Commit::What::interruption:
      // Rows of a round that was given up.
      open_.erase(open_.upper_bound(number), open_.end());
      ended_ = true;
      finish_states();
  }
}

/// `rows`: those of the coordinator, one after another.
void RowWriter::write_coordinators(RowFileWriter& writer, std::span<float const> rows) const {
  for (auto const& field : writer.shard().fields) {
    if (field.of_clients) continue;
    auto const width = static_cast<std::size_t>(field.width);
    writer.write(field.name, rows.first(width));
    rows = rows.subspan(width);
  }
}

RowWriter::State& RowWriter::state(std::int64_t round) {
  auto& slot = states_[round];
  if (slot) return *slot;
  auto const size = experiment_->own_parts().size();
  RowShard shard{round, shard_, shards_, {}, {}};
  if (shard_ == 0) {
    shard.fields = update_fields(*experiment_);
    shard.fields.insert(shard.fields.begin(), {kGlobalRow, experiment_->state().size(), false});
  }
  if (size > 0) shard.fields.push_back({kOwnRow, size, true});
  for (auto const id : experiment_->all_clients()) {
    if (size > 0 && id % shards_ == shard_) shard.clients.push_back(id);
  }
  slot.reset(new State{{flat_rows(), run_->resume_directory(), std::move(shard)}});
  return *slot;
}

/// In the order of rounds, each after the rows of all rounds up to it.
void RowWriter::finish_states() {
  Stopwatch const watch;
  while (!states_.empty()) {
    auto const& [round, state] = *states_.begin();
    bool const rows_first = !open_.empty() && open_.begin()->first <= round;
    if (rows_first || !state->committed || !state->writer.complete()) break;
    run_->publish_state(state->writer, experiment_->config.checkpoint.keep_resume);
    states_.erase(states_.begin());
  }
  seconds_ += watch.seconds();
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
  seconds_ += watch.seconds();
  complete_(number, excluded);
  finish_states();
}

}  // namespace fedstrata
