#include "common/store/rows/checkpoint_files.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"
#include "common/store/rows/hdf5_rows.hpp"

namespace fedstrata {
namespace {

constexpr RowKind kKinds[] = {RowKind::global, RowKind::before, RowKind::after};

bool holds(CheckpointShard const& shard, RowKind kind) {
  return kind == RowKind::global   ? shard.global
         : kind == RowKind::before ? shard.before
                                   : shard.after;
}

/// Where the clients of a shard are among all, as runs of consecutive rows.
std::vector<hdf5::RowRun> target_runs(std::vector<std::int64_t> const& all,
                                      std::vector<std::int64_t> const& own) {
  std::vector<hdf5::RowRun> runs;
  for (auto const client : own) {
    auto const row = std::lower_bound(all.begin(), all.end(), client) - all.begin();
    if (!runs.empty() && runs.back().first + runs.back().count == row)
      ++runs.back().count;
    else
      runs.push_back({row, 1});
  }
  return runs;
}

std::string dataset_of(std::string const& field) { return "/" + field; }

}  // namespace

std::string overview_name(std::int64_t round) { return round_text(round) + "-all.h5"; }

ModelFields model_fields(RowKind kind) {
  switch (kind) {
    case RowKind::global:
      return {"global", "buffers_global"};
    case RowKind::before:
      return {"before", "buffers_before"};
    default:
      return {"after", "buffers_after"};
  }
}

RowShard row_shard(CheckpointShard const& shard, std::int64_t parameters, std::int64_t buffers) {
  RowShard result{shard.round, shard.shard, shard.shards, shard.clients, {}};
  for (auto const kind : kKinds) {
    if (!holds(shard, kind)) continue;
    bool const of_clients = kind != RowKind::global;
    result.fields.push_back({model_fields(kind).parameters, parameters, of_clients});
    result.fields.push_back({model_fields(kind).buffers, buffers, of_clients});
  }
  return result;
}

CheckpointFiles::CheckpointFiles(std::filesystem::path directory)
    : RowFiles(hdf5_rows(), std::move(directory)) {}

CheckpointInfo CheckpointFiles::info(std::int64_t round) const {
  CheckpointInfo info;
  info.round = round;
  for (auto const& name : files_of(round)) {
    auto const& part = shard(name);
    info.clients.insert(info.clients.end(), part.clients.begin(), part.clients.end());
    info.global |= part.find("global") != nullptr;
    info.before |= part.find("before") != nullptr;
    info.after |= part.find("after") != nullptr;
  }
  std::ranges::sort(info.clients);
  return info;
}

void CheckpointFiles::write_overviews() const {
  for (auto const& [round, shards] : complete())
    if (shards.size() > 1 && !std::filesystem::exists(directory() / overview_name(round)))
      write_overview(round, shards);
}

void CheckpointFiles::write_overview(std::int64_t round,
                                     std::vector<std::string> const& shards) const {
  auto const all = info(round);
  NewFile target(directory() / overview_name(round), directory());
  auto overview = hdf5::File::create(target.temporary());
  overview.set("/", "round", round);
  overview.write_integers("/clients", all.clients, {std::ssize(all.clients)});
  auto const global = model_fields(RowKind::global);
  for (auto const& name : shards) {
    for (auto const* field : {global.parameters, global.buffers}) {
      if (shard(name).find(field) != nullptr)
        overview.link(dataset_of(field), name, dataset_of(field));
    }
  }
  for (auto const kind : {RowKind::before, RowKind::after}) {
    for (auto const* field : {model_fields(kind).parameters, model_fields(kind).buffers}) {
      std::vector<hdf5::VirtualPart> parts;
      std::int64_t width = 0;
      for (auto const& name : shards) {
        auto const& own = shard(name);
        auto const* found = own.find(field);
        if (found == nullptr) continue;
        reading(directory() / name, [&] {
          require(parts.empty() || found->width == width,
                  "its rows are not as long as those of other shards");
        });
        width = found->width;
        parts.push_back({name, dataset_of(field), std::ssize(own.clients), 0,
                         target_runs(all.clients, own.clients)});
      }
      if (!parts.empty()) {
        overview.make_virtual_rows(dataset_of(field), std::ssize(all.clients), width, parts);
      }
    }
  }
  overview.close();
  target.sync();
  target.publish();
}

void CheckpointFiles::read(std::int64_t round, RowKind kind, std::int64_t client,
                           std::span<float> row, std::span<float> buffers) const {
  auto const fields = model_fields(kind);
  if (kind == RowKind::global) {
    RowFiles::read(round, fields.parameters, row);
    RowFiles::read(round, fields.buffers, buffers);
  } else {
    RowFiles::read(round, fields.parameters, client, row);
    RowFiles::read(round, fields.buffers, client, buffers);
  }
}

void CheckpointFiles::try_reading(std::string const& name) const {
  if (parse_shard_name(name, ".h5")) read_all(name);
}

}  // namespace fedstrata
