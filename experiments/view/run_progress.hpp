#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/store/records.hpp"

namespace fedstrata {

/// A row of progress.csv.
struct ProgressRow {
  std::string line;  ///< as it stands in the file
  std::int64_t round = 0;
  double seconds = 0.0;  ///< since the start that wrote it, or the first of all
  double train_loss = kAbsent;
  double test_accuracy = kAbsent;  ///< of the clients' own models, else of the averaged one
  double test_loss = kAbsent;
};

/// Reads progress.csv in a run directory; lines that make no sense are left out.
std::vector<ProgressRow> read_progress_rows(std::filesystem::path const& run);

/// What progress.csv says of a run.
struct RunProgress {
  std::int64_t round = -1;  ///< last finished one; -1 before the initialisation
  double seconds = 0.0;     ///< of all starts together
  double rate = kAbsent;    ///< rounds a second, lately
  double train_loss = kAbsent;
  double test_accuracy = kAbsent;  ///< last one measured
  double test_loss = kAbsent;
};

/// Nothing is known of a run without that file.
RunProgress read_progress(std::filesystem::path const& run);

/// "1 h 02 min", "3 min 5 s", "4.2 s"; "?" for what is not known.
std::string time_text(double seconds);

/// "test accuracy 83.10 %", or for a task without accuracy "test loss 0.0123"; "-" for what is
/// absent.
std::string test_text(double accuracy, double loss);

}  // namespace fedstrata
