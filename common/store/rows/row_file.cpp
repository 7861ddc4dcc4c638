#include "common/store/rows/row_file.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/store/names.hpp"

// What checkpoints, rows that wait for the analysis and resume states have in common, whatever the
// form of the file: rows are written in any order, each once, and only a file that has them all
// gets its name.

namespace fedstrata {
namespace {

/// The client's place among those of the shard, -1 when it is not there.
std::int64_t place_of(RowShard const& shard, std::int64_t client) {
  auto const found = std::ranges::lower_bound(shard.clients, client);
  return found != shard.clients.end() && *found == client ? found - shard.clients.begin() : -1;
}

std::string row_text(std::string const& field, std::int64_t client, bool of_clients) {
  return "row '" + field + "'" + (of_clients ? " of client " + std::to_string(client) : "");
}

}  // namespace

RowField const* RowShard::find(std::string const& field) const {
  auto const found = std::ranges::find(fields, field, &RowField::name);
  return found != fields.end() ? &*found : nullptr;
}

std::int64_t RowShard::rows(RowField const& field) const {
  return field.of_clients ? std::ssize(clients) : 1;
}

RowFileWriter::RowFileWriter(RowFormat const& format, std::filesystem::path const& directory,
                             RowShard shard)
    : shard_(std::move(shard)),
      file_(std::make_unique<NewFile>(
          directory / shard_name({shard_.round, shard_.shard, shard_.shards}, format.extension()),
          directory.parent_path())),
      sink_(format.create(*file_, shard_)) {
  for (auto const& field : shard_.fields) {
    auto const rows = shard_.rows(field);
    written_[field.name].resize(static_cast<std::size_t>(rows), false);
    missing_ += rows;
  }
}

void RowFileWriter::write(std::string const& field, std::span<float const> row) {
  write(field, 0, false, row);
}

void RowFileWriter::write(std::string const& field, std::int64_t client,
                          std::span<float const> row) {
  write(field, client, true, row);
}

void RowFileWriter::write(std::string const& name, std::int64_t client, bool of_clients,
                          std::span<float const> values) {
  auto const* field = shard_.find(name);
  auto const place = of_clients ? place_of(shard_, client) : 0;
  require(field != nullptr && field->of_clients == of_clients && place >= 0 &&
              field->width == std::ssize(values),
          quoted(file_->target()) + " has no place for " + row_text(name, client, of_clients) +
              " of " + std::to_string(values.size()) + " elements");
  sink_->write(*field, place, values);
  auto written = written_.at(name).begin() + place;
  if (!*written) --missing_;
  *written = true;
}

void RowFileWriter::close() {
  require(complete(), quoted(file_->target()) + " is finished before all its rows came");
  sink_->close();
}

void RowFileWriter::publish() {
  close();
  file_->sync();
  file_->publish();
}

void RowFiles::refresh() {
  complete_ = complete_shards(list_files(directory_, format_->extension()), format_->extension());
}

std::vector<std::string> const& RowFiles::files_of(std::int64_t round) const {
  auto const found = complete_.find(round);
  require(found != complete_.end(), "there are no complete rows of round " + std::to_string(round) +
                                        " in " + quoted(directory_));
  return found->second;
}

RowShard const& RowFiles::shard(std::string const& name) const {
  auto const known = known_.find(name);
  if (known != known_.end()) return known->second;
  auto const path = directory_ / name;
  return known_[name] = reading(path, [&] { return format_->shard(path); });
}

bool RowFiles::has(std::int64_t round, std::string const& field) const {
  return std::ranges::any_of(
      files_of(round), [&](std::string const& name) { return shard(name).find(field) != nullptr; });
}

/// False when the file has no such row.
bool RowFiles::read_of(std::string const& name, std::string const& field, std::int64_t client,
                       bool of_clients, std::span<float> row) const {
  auto const& part = shard(name);
  auto const* found = part.find(field);
  auto const place = of_clients ? place_of(part, client) : 0;
  if (found == nullptr || found->of_clients != of_clients || place < 0) return false;
  auto const path = directory_ / name;
  require(found->width == std::ssize(row),
          quoted(path) + " has " + std::to_string(found->width) + " elements in " +
              row_text(field, client, of_clients) + ", not " + std::to_string(row.size()));
  format_->read(path, part, *found, place, row);
  return true;
}

void RowFiles::read(std::int64_t round, std::string const& field, std::span<float> row) const {
  for (auto const& name : files_of(round)) {
    if (read_of(name, field, 0, false, row)) return;
  }
  throw Error("round " + round_text(round) + " in " + quoted(directory_) + " has no " +
              row_text(field, 0, false));
}

void RowFiles::read(std::int64_t round, std::string const& field, std::int64_t client,
                    std::span<float> row) const {
  for (auto const& name : files_of(round)) {
    if (read_of(name, field, client, true, row)) return;
  }
  throw Error("round " + round_text(round) + " in " + quoted(directory_) + " has no " +
              row_text(field, client, true));
}

void RowFiles::read_all(std::string const& name) const {
  auto const& part = shard(name);
  auto const path = directory_ / name;
  constexpr std::int64_t kBestRatio = 1032 / sizeof(float);  // elements a byte, with deflate
  auto const most = kBestRatio * stamp(path).bytes;
  reading(path, [&] {
    for (auto const& field : part.fields) {
      require(field.width <= most,
              "its rows '" + field.name + "' are longer than the file can hold");
      std::vector<float> row(static_cast<std::size_t>(field.width));
      for (std::int64_t i = 0; i < part.rows(field); ++i) format_->read(path, part, field, i, row);
    }
  });
}

void RowFiles::remove(std::int64_t round) {
  if (auto const found = complete_.find(round); found != complete_.end()) {
    for (auto const& name : found->second) {
      std::filesystem::remove(directory_ / name);
      known_.erase(name);
    }
    complete_.erase(found);
  }
}

}  // namespace fedstrata
