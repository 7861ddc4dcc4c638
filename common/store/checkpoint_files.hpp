#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/files.hpp"
#include "common/store/hdf5.hpp"

namespace fedstrata {

/// Which rows of a checkpoint.
enum class RowKind { global, before, after };

/// One file's share of a checkpoint: shard s of `shards` holds the clients c with c mod shards = s.
struct CheckpointShard {
  std::int64_t round = 0;
  int shard = 0;
  int shards = 1;
  std::vector<std::int64_t> clients;  ///< ids in this shard, ascending (participants only)
  bool global = false;                ///< does this shard hold the global row? (shard 0 does)
  bool before = false;
  bool after = false;
  bool keep = true;  ///< false: rows only for the analysis, in no index, removed by discard()
};

/// What a complete checkpoint holds.
struct CheckpointInfo {
  std::int64_t round = 0;
  std::vector<std::int64_t> clients;  ///< ascending
  bool global = false, before = false, after = false;
  bool kept = true;
};

/// "000010-all.h5": virtual datasets over the shards of a checkpoint that has several.
std::string head_name(std::int64_t round);

/// A shard being written: every dataset has its full extent from the start, rows come in any order.
class ShardFile {
 public:
  ShardFile(std::filesystem::path const& directory, CheckpointShard shard, std::int64_t parameters,
            std::int64_t buffers);
  CheckpointShard const& shard() const { return shard_; }
  NewFile& file() { return *new_file_; }
  void write(RowKind kind, std::int64_t client, std::span<float const> row,
             std::span<float const> buffers);
  /// Checks that every row came and closes the file.
  void close();

 private:
  CheckpointShard shard_;
  std::unique_ptr<NewFile> new_file_;  // outlives hdf5_: removes what hdf5_ wrote
  hdf5::File hdf5_;
  std::vector<bool> written_;  // global, then before of each client, then after
};

/// The complete checkpoints of one directory: those whose shards are all there. A checkpoint of
/// several shards has a head beside them.
class CheckpointFiles {
 public:
  explicit CheckpointFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}
  /// Looks at the directory again.
  void refresh();
  std::filesystem::path const& directory() const { return directory_; }
  /// Per round the files of its shards, in order.
  std::map<std::int64_t, std::vector<std::string>> const& complete() const { return complete_; }
  /// Writes the heads that are missing. Call under the index lock.
  void write_heads();
  CheckpointInfo info(std::int64_t round);
  /// Throws Error when the checkpoint has no such row.
  void read(std::int64_t round, RowKind kind, std::int64_t client, std::span<float> row,
            std::span<float> buffers);
  void remove(std::int64_t round);
  /// Reads all of one file, if its name is that of a shard. Throws Error.
  void try_reading(std::string const& name);

 private:
  std::vector<std::string> const& files_of(std::int64_t round) const;
  CheckpointShard const& shard(std::string const& name);
  void write_head(std::int64_t round, std::vector<std::string> const& shards);

  std::filesystem::path directory_;
  std::map<std::int64_t, std::vector<std::string>> complete_;
  std::map<std::string, CheckpointShard> known_;
};

}  // namespace fedstrata
