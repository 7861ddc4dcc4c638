#include "experiments/sweep/view.hpp"

#include <map>
#include <string>
#include <vector>

#include "common/base/text.hpp"
#include "common/config/options.hpp"
#include "experiments/sweep/directory.hpp"

namespace fedstrata {
namespace {

std::string detail(SweepDirectory const& sweep, std::string const& name, CellStatus const& status) {
  if (status.stage == CellStage::failed) return status.error;
  return progress_line(read_progress(sweep.run(name)),
                       load_config(sweep.config(name)).federation.rounds);
}

}  // namespace

View look_at_sweep(std::filesystem::path const& path, Screen const& screen) {
  SweepDirectory const sweep(path);
  std::map<CellStage, std::vector<std::string>> lines;
  std::map<CellStage, std::size_t> counts;
  auto const names = sweep.names();
  double seconds = 0.0;
  for (auto const& name : names) {
    auto const status = sweep.status(name, {});
    auto const count = ++counts[status.stage];
    if (status.stage == CellStage::done) {
      seconds += read_progress(sweep.run(name)).seconds;
    } else if (status.stage != CellStage::missing && count <= kMostLines) {
      lines[status.stage].push_back(name + "  " + detail(sweep, name, status));
    }
  }
  auto const done = counts[CellStage::done];
  std::string text =
      "sweep     " + path.string() + "\ncells     " +
      bar(names.empty() ? 0.0 : static_cast<double>(done) / static_cast<double>(names.size()),
          screen) +
      "  " + std::to_string(names.size()) + " in all";
  for (auto const& [stage, count] : counts) {
    if (count > 0) text += ", " + std::to_string(count) + " " + name_of(stage);
  }
  text += "\n";
  auto const running = counts[CellStage::running];
  if (done > 0 && running > 0) {
    double const left = static_cast<double>(names.size() - done - counts[CellStage::failed]);
    text += "left      about " + time_text(left * seconds / static_cast<double>(done * running)) +
            ", " + std::to_string(running) + " at a time\n";
  }
  for (auto const& [stage, of_stage] : lines) {
    for (auto const& line : of_stage) text += padded(name_of(stage), 13) + line + "\n";
    if (counts[stage] > of_stage.size()) {
      text += padded("", 13) + "and " + std::to_string(counts[stage] - of_stage.size()) + " more\n";
    }
  }
  return {wrapped(text, screen.width), done + counts[CellStage::failed] == names.size()};
}

}  // namespace fedstrata
