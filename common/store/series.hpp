#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/files.hpp"
#include "common/store/tables.hpp"

namespace fedstrata {

// A series of tables that grows by rounds (the metrics of a run, one analysis) lies in a directory
// of immutable segment files. Each covers some rounds, no round is in two. Once kMergeCount
// segments of one level have gathered they are copied into one of the next level, so that a series
// of n segments is read from a number of files that grows with log(n); a series that has come to
// its end is one file, unless it is large. The copied ones are removed later.

inline constexpr std::size_t kMergeCount = 4;
inline constexpr int kHighestLevel = 63;

/// What a segment holds, without the rows.
struct SegmentInfo {
  std::string file;                      ///< name within the series' directory
  int level = 0;                         ///< 0 as written, n + 1 merged from level n
  std::vector<std::int64_t> rounds;      ///< ascending
  std::vector<std::int64_t> row_counts;  ///< [rounds, tables]
  bool placeholder = false;              ///< says why rounds are missing; others take their place
};

/// A segment whose rounds are all in a merged one.
struct SupersededSegment {
  std::string file;
  std::string by;
};

/// Consecutive rows of one table in one segment.
struct RowPiece {
  std::size_t segment = 0;
  std::int64_t first = 0;  ///< row in the segment's table
  std::int64_t count = 0;
};

/// A series as it lies on disk: which segments count (live), which are merged into others.
class Series {
 public:
  Series(std::filesystem::path directory, std::vector<TableKind> tables);

  /// Reads all of one segment. Throws Error.
  void try_reading(std::string const& file) const;
  /// Looks at the directory; only files not seen before are opened.
  void refresh();
  std::vector<SegmentInfo> const& live() const { return live_; }
  std::vector<SupersededSegment> const& superseded() const { return superseded_; }
  std::vector<TableKind> const& tables() const { return tables_; }
  std::filesystem::path const& directory() const { return directory_; }

  /// Rounds with results, ascending: those of segments that are no placeholders.
  std::vector<std::int64_t> rounds() const;
  /// Where the rows of a table are, by ascending round.
  std::vector<RowPiece> pieces(std::size_t table) const;
  std::int64_t rows_in_segment(std::size_t segment, std::size_t table) const;
  /// The rows of the record's table, which must be one of the series.
  template <class Record>
  std::vector<Record> read() const {
    auto const bytes = read(live_, place_of(Record::kTable));
    std::vector<Record> records(bytes.size() / sizeof(Record));
    std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(records)).begin());
    return records;
  }

  /// Writes a level-0 segment to a temporary file; `data` holds the rows of each table in any order
  /// and is left sorted by the leading key columns. publish() it under the index lock after
  /// require_new().
  std::unique_ptr<NewFile> write(std::vector<std::int64_t> const& rounds,
                                 std::vector<std::vector<std::byte>>& data,
                                 bool placeholder = false) const;
  /// Throws Error when a live segment already covers one of the rounds.
  void require_new(std::vector<std::int64_t> const& rounds) const;
  /// Merges where enough segments have gathered. Call under the index lock.
  void merge();
  /// Merges all small segments, for a series that is (for now) at its end. Call under the index
  /// lock.
  void merge_all();
  /// Names of superseded segments that no open index can name any more (but for those of `last`).
  std::vector<std::string> settled(std::set<std::string> const& last) const;

 private:
  std::unique_ptr<NewFile> write_segment(int level, bool placeholder,
                                         std::vector<std::int64_t> const& rounds,
                                         std::vector<std::vector<std::byte>> const& data,
                                         std::vector<std::int64_t> const& row_counts) const;
  bool merge_level(int level, bool placeholder);
  void merge(std::vector<SegmentInfo> const& gathered);
  std::vector<RowPiece> pieces(std::vector<SegmentInfo> const& segments, std::size_t table) const;
  std::vector<std::byte> read(std::vector<SegmentInfo> const& segments, std::size_t table) const;
  std::size_t place_of(std::string const& table) const;

  std::filesystem::path directory_;
  std::vector<TableKind> tables_;
  std::map<std::string, SegmentInfo> known_;
  std::vector<SegmentInfo> live_;
  std::vector<SupersededSegment> superseded_;
};

/// Sorts records by their leading integer and text columns; equal ones keep their order.
void sort_records(std::vector<std::byte>& records, TableLayout const& layout);

}  // namespace fedstrata
