#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/files.hpp"
#include "common/config/config.hpp"
#include "common/store/run.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {

/// The barriers of one analysis as lines (barrier_view).
struct AnalysisView {
  std::string name;
  std::string text;
};

/// `text` and below it those analyses that the screen has room for, the first in any case; the
/// others are named.
std::string fitting(std::string text, std::vector<AnalysisView> const& analyses,
                    Screen const& screen);

/// A run as its files show it: state, rounds, rate, where the time goes, last barriers.
class RunView {
 public:
  explicit RunView(std::filesystem::path path) : path_(std::move(path)) {}
  /// Throws InputError when the run is damaged.
  View look(Screen const& screen);

 private:
  void refresh(Screen const& screen);

  std::filesystem::path path_;
  std::optional<Run> run_;
  std::int64_t rounds_ = 0;
  // What comes from run.h5, as it was at stamp_, for screen_.
  FileStamp stamp_;
  Screen screen_;
  std::string times_;
  std::vector<AnalysisView> barriers_;
};

}  // namespace fedstrata
