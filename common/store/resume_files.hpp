#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/files.hpp"

namespace fedstrata {

/// A row that the coordinator keeps from round to round under a name, beside the global row.
struct ResumeField {
  std::string name;       ///< without white space
  std::int64_t size = 0;  ///< elements
};

/// One file's share of what a run needs to go on after a round: shard s of `shards` holds the
/// clients c with c mod shards = s, shard 0 also the global row and the fields.
struct ResumeShard {
  std::int64_t round = 0;
  int shard = 0;
  int shards = 1;
  std::vector<std::int64_t> clients;  ///< ids in this shard that keep something, ascending
  std::int64_t global_size = 0;       ///< elements of the global state row; 0 = not in this shard
  std::int64_t own_size = 0;          ///< elements that each client keeps
  std::vector<ResumeField> fields = {};  ///< none in shards other than 0
};

/// A shard being written, rows in any order. Nothing is visible before publish(); destroyed
/// without it, it removes the temporary file. Throws Error on a full disk.
class ResumeWriter {
 public:
  ResumeWriter(std::filesystem::path const& directory, ResumeShard shard);
  ResumeShard const& shard() const { return shard_; }
  void write_global(std::span<float const> row);
  void write_field(std::string const& name, std::span<float const> row);
  void write_own(std::int64_t client, std::span<float const> row);
  /// Did every row come?
  bool complete() const { return missing_ == 0; }
  /// Adds the checksum, syncs and renames. Throws Error when a row is missing.
  void publish();

 private:
  void write(std::int64_t offset, std::span<float const> row);

  ResumeShard shard_;
  std::size_t missing_;
  NewFile file_;
};

/// A complete and intact resume state: all its shards.
class ResumeState {
 public:
  /// The newest one in the directory; nothing when there is none. States that are damaged are left
  /// out, with a warning.
  static std::optional<ResumeState> latest(std::filesystem::path const& directory);
  /// The one of a round, whose shards latest() has checked, on another rank. Throws Error when it
  /// cannot be read.
  static ResumeState at(std::filesystem::path const& directory, std::int64_t round);
  std::int64_t round() const { return shards_.front().round; }
  /// These throw Error when the row is not there or has another size.
  void read_global(std::span<float> row) const;
  void read_field(std::string const& name, std::span<float> row) const;
  void read_own(std::int64_t client, std::span<float> row) const;

 private:
  void read(std::size_t shard, std::int64_t offset, std::span<float> row) const;

  std::vector<std::filesystem::path> paths_;
  std::vector<ResumeShard> shards_;
};

/// Removes all states older than the `keep` newest complete ones.
void prune_resume_states(std::filesystem::path const& directory, std::int64_t keep);

}  // namespace fedstrata
