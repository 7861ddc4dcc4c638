#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/store/records.hpp"
#include "experiments/view/run_progress.hpp"
#include "experiments/view/screen.hpp"

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
/// "[######....] 60 %", to stand behind a heading on the screen.
std::string bar(double share, Screen const& screen);
/// Round, accuracy or loss on the test set, training loss, rate and time left of a run of so many
/// rounds.
std::string progress_line(RunProgress const& progress, std::int64_t rounds);

/// The barriers of the last analysed round, of all layers and of each alone: a few lines, "" when
/// there are none. `layers`: the order of layers in the network. `shares`: errors are shares of
/// wrong answers, shown in percentage points, and not in the unit of the targets. In colors red
/// above zero, blue below, as in the heat maps.
std::string barrier_view(std::vector<BarrierRecord> const& records, std::string const& analysis,
                         std::vector<std::string> const& layers, bool shares, Screen const& screen);

}  // namespace fedstrata
