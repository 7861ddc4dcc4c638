#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/files.hpp"

namespace fedstrata {

// Rows of float32 by name, in files: the models of a checkpoint, the rows that wait for the
// analysis, what a run goes on from. A round's rows are shared out to files (shards) by client.
// What a field means is the business of those who write and read it; how it lies in a file is that
// of a format.

/// One row for all, or a row for each client of the file.
struct RowField {
  std::string name;
  std::int64_t width = 0;  ///< elements of a row
  bool of_clients = false;
  bool operator==(RowField const&) const = default;
};

/// What one file holds: shard s of `shards` of a round, with the clients c with c mod shards = s.
struct RowShard {
  std::int64_t round = 0;
  int shard = 0;
  int shards = 1;
  std::vector<std::int64_t> clients;  ///< ids, ascending
  std::vector<RowField> fields;

  /// Nothing when there is no such field.
  RowField const* find(std::string const& field) const;
  /// Rows of a field.
  std::int64_t rows(RowField const& field) const;
};

/// A file being written.
class RowFileSink {
 public:
  virtual ~RowFileSink() = default;
  /// `values` of the field's width, to row `row` of it: 0 of a row for all, else the client's place
  /// among the shard's.
  virtual void write(RowField const& field, std::int64_t row, std::span<float const> values) = 0;
  /// All rows were written. Throws Error when they did not reach the file.
  virtual void close() = 0;
};

/// How row files lie on disk. All throw Error.
class RowFormat {
 public:
  virtual ~RowFormat() = default;
  virtual char const* extension() const = 0;
  /// Begins the temporary file.
  virtual std::unique_ptr<RowFileSink> create(NewFile const& file, RowShard const& shard) const = 0;
  /// What the file holds; throws when it is not of this format.
  virtual RowShard shard(std::filesystem::path const& path) const = 0;
  /// One row of a field that shard() found in the file. Throws when `values` have another size.
  virtual void read(std::filesystem::path const& path, RowShard const& shard, RowField const& field,
                    std::int64_t row, std::span<float> values) const = 0;
};

/// Writes one shard under a temporary name, rows in any order. Destroyed before it is published, it
/// removes the temporary file. Throws Error on a full disk.
class RowFileWriter {
 public:
  RowFileWriter(RowFormat const& format, std::filesystem::path const& directory, RowShard shard);
  RowShard const& shard() const { return shard_; }
  /// Throws Error when the shard has no such field or client, or its rows have another size.
  void write(std::string const& field, std::span<float const> row);
  void write(std::string const& field, std::int64_t client, std::span<float const> row);
  /// Did every row come?
  bool complete() const { return missing_ == 0; }
  /// Finishes the temporary file. Throws Error when a row is missing.
  void close();
  /// close(), then syncs and renames.
  void publish();
  NewFile& file() { return *file_; }

 private:
  void write(std::string const& field, std::int64_t client, bool of_clients,
             std::span<float const> values);

  RowShard shard_;
  std::unique_ptr<NewFile> file_;  // outlives the sink: removes what that wrote
  std::unique_ptr<RowFileSink> sink_;
  std::map<std::string, std::vector<bool>> written_;
  std::int64_t missing_ = 0;
};

/// The row files of one directory. Of a round, only a complete set of shards counts.
class RowFiles {
 public:
  RowFiles(RowFormat const& format, std::filesystem::path directory)
      : format_(&format), directory_(std::move(directory)) {}
  /// Looks at the directory again.
  void refresh();
  std::filesystem::path const& directory() const { return directory_; }
  /// Per round the files of its shards, in order.
  std::map<std::int64_t, std::vector<std::string>> const& complete() const { return complete_; }
  /// Throws Error when the round is not complete.
  std::vector<std::string> const& files_of(std::int64_t round) const;
  /// What a file holds; read once.
  RowShard const& shard(std::string const& name) const;
  bool has(std::int64_t round, std::string const& field) const;
  /// The row for all. Throws Error when the round has none of this name and size.
  void read(std::int64_t round, std::string const& field, std::span<float> row) const;
  /// A client's row.
  void read(std::int64_t round, std::string const& field, std::int64_t client,
            std::span<float> row) const;
  /// Reads every row of a file. Throws Error.
  void read_all(std::string const& name) const;
  void remove(std::int64_t round);

 private:
  bool read_of(std::string const& name, std::string const& field, std::int64_t client,
               bool of_clients, std::span<float> row) const;

  RowFormat const* format_;
  std::filesystem::path directory_;
  std::map<std::int64_t, std::vector<std::string>> complete_;
  mutable std::map<std::string, RowShard> known_;  // files never change
};

}  // namespace fedstrata
