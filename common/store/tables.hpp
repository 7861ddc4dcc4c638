#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/hdf5/field.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

/// What is known of a table without its record: its name, and its columns.
struct TableKind {
  std::string name;
  TableLayout layout;
};

/// Rows of several tables, by their records. The order of the records is that of the tables in the
/// files.
template <class... Records>
class TableSet {
 public:
  template <class Record>
  std::vector<Record>& rows() & {
    return std::get<std::vector<Record>>(rows_);
  }
  template <class Record>
  std::vector<Record> const& rows() const& {
    return std::get<std::vector<Record>>(rows_);
  }
  /// By value, so that rows of a temporary can be walked over.
  template <class Record>
  std::vector<Record> rows() && {
    return std::get<std::vector<Record>>(std::move(rows_));
  }

  template <class Record>
  void add(Record const& record) {
    rows<Record>().push_back(record);
  }

  static std::vector<TableKind> kinds() { return {{Records::kTable, layout_of<Records>()}...}; }
  /// Copies of the rows of each table, one row after another.
  std::vector<std::vector<std::byte>> bytes() const { return {bytes_of(rows<Records>())...}; }
  /// Removes rows of rounds up to `last`.
  void drop_until(std::int64_t last) { (drop(rows<Records>(), last), ...); }

 private:
  template <class Record>
  static std::vector<std::byte> bytes_of(std::vector<Record> const& records) {
    auto const bytes = std::as_bytes(std::span(records));
    return {bytes.begin(), bytes.end()};
  }
  template <class Record>
  static void drop(std::vector<Record>& records, std::int64_t last) {
    std::erase_if(records, [&](Record const& record) { return record.round <= last; });
  }

  std::tuple<std::vector<Records>...> rows_;
};

// To add a table: a struct in common/store/records.hpp, listed here, at the end: readers of files
// that were written before take what stands at the end for empty.

/// /metrics
using MetricsTables = TableSet<RoundRecord, ClientRecord, LayerRecord, AveragedRecord>;

/// /barriers/NAME
using AnalysisTables = TableSet<PointRecord, BarrierRecord, SkippedRecord, GeometryRecord,
                                SpreadRecord, PlaneRecord, PermutationRecord, UnitAxisRecord>;

/// Metrics of rounds first .. last.
struct MetricsSegment : MetricsTables {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Results of one analysis for some rounds.
struct AnalysisSegment : AnalysisTables {
  std::vector<std::int64_t> rounds;
  /// Only says why rounds are missing; results of these rounds may be written later.
  bool placeholder = false;
};

}  // namespace fedstrata
