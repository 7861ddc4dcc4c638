#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace fedstrata {

/// A unit of an analysis: round, phase, number.
using UnitIndex = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

/// The results of an analysis's finished units in a file that only grows, so that an analysis that
/// was killed at any instant goes on where it was. A record that is cut off or damaged ends what is
/// read.
class AnalysisJournal {
 public:
  /// Reads what is there (`resume`) or begins anew. Throws Error when the file cannot be written,
  /// InputError when another process has it.
  AnalysisJournal(std::filesystem::path file, bool resume);
  AnalysisJournal(AnalysisJournal const&) = delete;
  AnalysisJournal& operator=(AnalysisJournal const&) = delete;
  ~AnalysisJournal();

  /// The result of a unit that was finished before; null when there is none.
  std::vector<double> const* find(UnitIndex const& unit) const;
  /// Throws Error on a full disk.
  void append(UnitIndex const& unit, std::vector<double> const& values);
  /// A round's tables are written: its results are no longer needed.
  void forget(std::int64_t round);
  /// The analysis is done.
  void remove();

 private:
  void read();

  std::filesystem::path file_;
  int descriptor_ = -1;
  std::int64_t valid_ = 0;  ///< bytes
  std::map<UnitIndex, std::vector<double>> known_;
};

}  // namespace fedstrata
