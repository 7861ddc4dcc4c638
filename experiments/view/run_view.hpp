#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "common/base/files.hpp"
#include "common/config/config.hpp"
#include "common/store/run.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {

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
  FileStamp stamp_;     ///< of the run.h5 that tables_ is from
  Screen screen_;       ///< that tables_ is for
  std::string tables_;  ///< what comes from run.h5
};

}  // namespace fedstrata
