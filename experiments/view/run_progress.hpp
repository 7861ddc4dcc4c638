#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/store/records.hpp"

namespace fedstrata {

/// What models are worth on the test set.
struct TestResult {
  double accuracy = kAbsent;  ///< of the clients' models after averaging, else of the global one
  double own_accuracy = kAbsent;  ///< of the clients' models, each under its own mix of labels
  double loss = kAbsent;          ///< of the same models as `accuracy`

  /// Takes over what is there in `newer`.
  void update(TestResult const& newer);
  /// "test accuracy 83.10 %, own labels 91.25 %", or for a task without accuracy "test loss
  /// 0.0123"; "test accuracy -" where nothing was measured.
  std::string text() const;
};

/// A row of progress.csv.
struct ProgressRow {
  std::string line;  ///< as it stands in the file
  std::int64_t round = 0;
  double seconds = 0.0;  ///< since the start that wrote it, or the first of all
  double train_loss = kAbsent;
  TestResult test;
};

/// Reads progress.csv in a run directory; lines that make no sense are left out.
std::vector<ProgressRow> read_progress_rows(std::filesystem::path const& run);

/// What progress.csv says of a run.
struct RunProgress {
  std::int64_t round = -1;  ///< last finished one; -1 before the initialisation
  double seconds = 0.0;     ///< of all starts together
  double rate = kAbsent;    ///< rounds a second, lately
  double train_loss = kAbsent;
  TestResult test;  ///< the last ones measured
};

/// Nothing is known of a run without that file.
RunProgress read_progress(std::filesystem::path const& run);

/// "12 days", "1 h 02 min", "3 min 5 s", "4.2 s"; "?" for what is not known.
std::string time_text(double seconds);

}  // namespace fedstrata
