#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/store/rows/row_file.hpp"

namespace fedstrata {

/// Which rows of a checkpoint.
enum class RowKind { global, before, after };

/// The clients' rows that an analysis looks at (analysis.at).
inline RowKind row_kind(RowsAt at) {
  return at == RowsAt::before ? RowKind::before : RowKind::after;
}

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
std::string overview_name(std::int64_t round);

/// The fields of a shard: a model has a row of parameters [P] and one of buffers [Q].
RowShard row_shard(CheckpointShard const& shard, std::int64_t parameters, std::int64_t buffers);
/// Names of the fields that hold a model.
struct ModelFields {
  char const* parameters;
  char const* buffers;
};
ModelFields model_fields(RowKind kind);

/// The complete checkpoints of one directory: those whose shards are all there. A checkpoint of
/// several shards has an overview beside them, which shows them as one.
class CheckpointFiles : public RowFiles {
 public:
  explicit CheckpointFiles(std::filesystem::path directory);
  /// Writes the overviews that are missing. Call under the index lock.
  void write_overviews() const;
  CheckpointInfo info(std::int64_t round) const;
  /// `client` is not looked at for RowKind::global. Throws Error when the checkpoint has no such
  /// model.
  void read(std::int64_t round, RowKind kind, std::int64_t client, std::span<float> row,
            std::span<float> buffers) const;
  /// Reads all of one file, if its name is that of a shard. Throws Error.
  void try_reading(std::string const& name) const;

 private:
  void write_overview(std::int64_t round, std::vector<std::string> const& shards) const;
};

}  // namespace fedstrata
