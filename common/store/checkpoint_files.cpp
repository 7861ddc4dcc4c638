#include "common/store/checkpoint_files.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "common/base/error.hpp"
#include "common/store/run_names.hpp"
#include "common/store/shard_names.hpp"

namespace fedstrata {
namespace {

struct RowNames {
  char const* parameters;
  char const* buffers;
};

RowNames names_of(RowKind kind) {
  switch (kind) {
    case RowKind::global:
      return {"/global", "/buffers_global"};
    case RowKind::before:
      return {"/before", "/buffers_before"};
    default:
      return {"/after", "/buffers_after"};
  }
}

std::int64_t index_of(CheckpointShard const& shard, std::int64_t client) {
  auto const found = std::lower_bound(shard.clients.begin(), shard.clients.end(), client);
  return found != shard.clients.end() && *found == client ? found - shard.clients.begin() : -1;
}

bool holds(CheckpointShard const& shard, RowKind kind) {
  return kind == RowKind::global   ? shard.global
         : kind == RowKind::before ? shard.before
                                   : shard.after;
}

CheckpointShard read_shard(std::filesystem::path const& path) {
  auto const file = hdf5::File::open(path);
  CheckpointShard shard;
  shard.round = file.integer("/", "round");
  shard.shard = static_cast<int>(file.integer("/", "shard"));
  shard.shards = static_cast<int>(file.integer("/", "shards"));
  shard.clients = file.read_integers("/clients");
  shard.global = file.has("/global");
  shard.before = file.has("/before");
  shard.after = file.has("/after");
  auto const& ids = shard.clients;
  require((ids.empty() || ids.front() >= 0) &&
              std::adjacent_find(ids.begin(), ids.end(), std::greater_equal{}) == ids.end(),
          "/clients are not ids in ascending order");
  return shard;
}

// Columns of a matrix with a row for each of the shard's clients.
std::int64_t width_of(hdf5::File const& file, std::string const& dataset, std::int64_t clients) {
  auto const shape = file.shape(dataset);
  require(shape.size() == 2 && shape[0] == clients,
          "dataset " + dataset + " has not one row for each client");
  return shape[1];
}

// Where the clients of a shard are among all, as runs of consecutive rows.
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

}  // namespace

std::string head_name(std::int64_t round) { return round_text(round) + "-all.h5"; }

ShardFile::ShardFile(std::filesystem::path const& directory, CheckpointShard shard,
                     std::int64_t parameters, std::int64_t buffers)
    : shard_(std::move(shard)),
      new_file_(std::make_unique<NewFile>(
          directory / shard_name({shard_.round, shard_.shard, shard_.shards}, ".h5"))),
      hdf5_(hdf5::File::create(new_file_->temporary())),
      written_(1 + 2 * shard_.clients.size(), false) {
  auto const count = std::ssize(shard_.clients);
  hdf5_.set("/", "round", shard_.round);
  hdf5_.set("/", "shard", std::int64_t{shard_.shard});
  hdf5_.set("/", "shards", std::int64_t{shard_.shards});
  hdf5_.write_integers("/clients", shard_.clients, {count});
  for (auto const kind : {RowKind::global, RowKind::before, RowKind::after}) {
    if (!holds(shard_, kind)) continue;
    auto const rows = kind == RowKind::global ? -1 : count;
    hdf5_.make_rows(names_of(kind).parameters, rows, parameters);
    hdf5_.make_rows(names_of(kind).buffers, rows, buffers);
  }
}

void ShardFile::write(RowKind kind, std::int64_t client, std::span<float const> row,
                      std::span<float const> buffers) {
  auto const index = kind == RowKind::global ? 0 : index_of(shard_, client);
  require(holds(shard_, kind) && index >= 0,
          "checkpoint " + round_text(shard_.round) + " has no place for row '" +
              names_of(kind).parameters + "' of client " + std::to_string(client));
  hdf5_.write_row(names_of(kind).parameters, index, row);
  hdf5_.write_row(names_of(kind).buffers, index, buffers);
  auto const at = kind == RowKind::global   ? 0
                  : kind == RowKind::before ? 1 + index
                                            : 1 + std::ssize(shard_.clients) + index;
  written_[static_cast<std::size_t>(at)] = true;
}

void ShardFile::close() {
  auto const count = std::ssize(shard_.clients);
  auto const complete = [&](bool wanted, std::int64_t first, std::int64_t n) {
    auto const from = written_.begin() + first;
    return !wanted || std::all_of(from, from + n, [](bool written) { return written; });
  };
  require(complete(shard_.global, 0, 1) && complete(shard_.before, 1, count) &&
              complete(shard_.after, 1 + count, count),
          "checkpoint " + round_text(shard_.round) + " is committed before all its rows came");
  hdf5_.close();
}

void CheckpointFiles::refresh() {
  complete_ = complete_shards(list_files(directory_, ".h5"), ".h5");
}

std::vector<std::string> const& CheckpointFiles::files_of(std::int64_t round) const {
  auto const found = complete_.find(round);
  require(found != complete_.end(), "there is no complete checkpoint of round " +
                                        std::to_string(round) + " in " + quoted(directory_));
  return found->second;
}

CheckpointShard const& CheckpointFiles::shard(std::string const& name) {
  auto const known = known_.find(name);
  if (known != known_.end()) return known->second;
  auto const path = directory_ / name;
  return known_[name] = reading(path, [&] { return read_shard(path); });
}

CheckpointInfo CheckpointFiles::info(std::int64_t round) {
  CheckpointInfo info;
  info.round = round;
  for (auto const& name : files_of(round)) {
    auto const& part = shard(name);
    info.clients.insert(info.clients.end(), part.clients.begin(), part.clients.end());
    info.global |= part.global;
    info.before |= part.before;
    info.after |= part.after;
  }
  std::sort(info.clients.begin(), info.clients.end());
  return info;
}

void CheckpointFiles::write_heads() {
  for (auto const& [round, shards] : complete_)
    if (shards.size() > 1 && !std::filesystem::exists(directory_ / head_name(round)))
      write_head(round, shards);
}

void CheckpointFiles::write_head(std::int64_t round, std::vector<std::string> const& shards) {
  auto const all = info(round);
  NewFile target(directory_ / head_name(round));
  auto head = hdf5::File::create(target.temporary());
  head.set("/", "round", round);
  head.write_integers("/clients", all.clients, {std::ssize(all.clients)});
  for (auto const& name : shards)
    if (shard(name).global)
      for (auto const* dataset : {"/global", "/buffers_global"}) head.link(dataset, name, dataset);
  for (auto const* dataset : {"/before", "/after", "/buffers_before", "/buffers_after"}) {
    std::vector<hdf5::VirtualPart> parts;
    std::int64_t width = 0;
    for (auto const& name : shards) {
      auto const& own = shard(name).clients;
      reading(directory_ / name, [&] {
        auto const file = hdf5::File::open(directory_ / name);
        if (!file.has(dataset)) return;
        auto const here = width_of(file, dataset, std::ssize(own));
        require(parts.empty() || here == width,
                "its rows are not as long as those of other shards");
        width = here;
        parts.push_back({name, dataset, std::ssize(own), 0, target_runs(all.clients, own)});
      });
    }
    if (!parts.empty()) head.make_virtual_rows(dataset, std::ssize(all.clients), width, parts);
  }
  head.close();
  target.sync();
  target.publish();
}

void CheckpointFiles::read(std::int64_t round, RowKind kind, std::int64_t client,
                           std::span<float> row, std::span<float> buffers) {
  for (auto const& name : files_of(round)) {
    auto const& part = shard(name);
    auto const index = kind == RowKind::global ? 0 : index_of(part, client);
    if (!holds(part, kind) || index < 0) continue;
    reading(directory_ / name, [&] {
      auto const file = hdf5::File::open(directory_ / name);
      file.read_row(names_of(kind).parameters, index, row);
      file.read_row(names_of(kind).buffers, index, buffers);
    });
    return;
  }
  throw Error("checkpoint " + round_text(round) + " has no row '" + names_of(kind).parameters +
              "'" + (kind == RowKind::global ? "" : " of client " + std::to_string(client)));
}

void CheckpointFiles::try_reading(std::string const& name) {
  if (!parse_shard_name(name, ".h5")) return;
  auto const& part = shard(name);
  constexpr std::int64_t kBestRatio = 1032 / sizeof(float);  // elements a byte, with deflate
  auto const most = kBestRatio * stamp(directory_ / name).bytes;
  reading(directory_ / name, [&] {
    auto const file = hdf5::File::open(directory_ / name);
    for (auto const kind : {RowKind::global, RowKind::before, RowKind::after}) {
      if (!holds(part, kind)) continue;
      auto const rows = kind == RowKind::global ? 1 : std::ssize(part.clients);
      for (auto const* dataset : {names_of(kind).parameters, names_of(kind).buffers}) {
        auto const shape = file.shape(dataset);
        require(!shape.empty() && shape.back() <= most,
                std::string("dataset ") + dataset + " has longer rows than its file can hold");
        std::vector<float> row(static_cast<std::size_t>(shape.back()));
        for (std::int64_t i = 0; i < rows; ++i) file.read_row(dataset, i, row);
      }
    }
  });
}

void CheckpointFiles::remove(std::int64_t round) {
  if (auto const found = complete_.find(round); found != complete_.end()) {
    for (auto const& name : found->second) {
      std::filesystem::remove(directory_ / name);
      known_.erase(name);
    }
    complete_.erase(found);
  }
}

}  // namespace fedstrata
