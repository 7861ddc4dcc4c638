#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/store/records.hpp"
#include "experiments/view/run_progress.hpp"

namespace fedstrata {

// What `fedstrata watch` is made of.

/// What is shown, and whether anything is still to come.
struct View {
  std::string text;
  bool over = false;
};

/// Lines of one kind (cells of a stage, layers) that are shown at most.
inline constexpr std::size_t kMostLines = 20;

/// "-" for what is absent.
std::string fixed(double value, int digits);
/// Preceded by blanks up to `width` bytes, by one at least.
std::string right(std::string const& text, std::size_t width);
/// "[######....] 60 %".
std::string bar(double share);
/// Round, accuracy or loss on the test set, training loss, rate and time left of a run of so many
/// rounds.
std::string progress_line(RunProgress const& progress, std::int64_t rounds);

/// The barriers of the last analysed round, of all layers and of each alone: a few lines, "" when
/// there are none. `shares`: errors are shares of wrong answers, shown in percentage points, and
/// not in the unit of the targets. Red above zero, blue below, as in the heat maps, if `colors`.
std::string barrier_view(std::vector<BarrierRecord> const& records, std::string const& analysis,
                         bool shares, bool colors);

}  // namespace fedstrata
