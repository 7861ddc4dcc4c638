#include "experiments/view/run_facts.hpp"

#include <cmath>

namespace fedstrata {

std::string run_state(Run const& run) {
  if (run.complete()) return "complete";
  return run.simulated_by().empty() ? "incomplete" : "running";
}

std::vector<AnalysisFacts> analysis_facts(Run const& run) {
  std::vector<AnalysisFacts> facts;
  for (auto const& name : run.analysis_names()) {
    facts.push_back({.name = name,
                     .rounds = run.analysed_rounds(name),
                     .curves = std::ssize(run.analysis<BarrierRecord>(name)),
                     .plane_points = std::ssize(run.analysis<PlaneRecord>(name)),
                     .skipped = std::ssize(run.analysis<SkippedRecord>(name))});
  }
  return facts;
}

SizeFacts size_facts(Run const& run) {
  constexpr std::string_view kCheckpoints = "checkpoints/";
  SizeFacts facts;
  for (auto const& record : run.files()) {
    auto const name = record.name.str();
    auto& kind = facts.kinds[name.substr(0, name.find('/'))];
    ++kind.count;
    kind.bytes += record.bytes;
    facts.bytes += record.bytes;
    if (name.starts_with(kCheckpoints))
      facts.checkpoints[std::stoll(name.substr(kCheckpoints.size()))] += record.bytes;
  }
  return facts;
}

SizeFacts size_facts(Run const& run, std::filesystem::path const& file) {
  SizeFacts facts;
  facts.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file));
  facts.kinds[file.filename().string()] = {1, facts.bytes};
  auto const& table = run.header().table;
  auto const row = std::int64_t{sizeof(float)} * (table.parameter_count + table.buffer_count);
  for (auto const& checkpoint : run.checkpoints()) {
    auto const models = std::ssize(checkpoint.clients) * (checkpoint.before + checkpoint.after);
    facts.checkpoints[checkpoint.round] = row * (models + checkpoint.global);
  }
  return facts;
}

std::vector<RoundRecord> evaluated(std::vector<RoundRecord> rounds) {
  std::erase_if(rounds, [](auto const& record) {
    return std::isnan(record.test_loss) && std::isnan(record.test_loss_after);
  });
  return rounds;
}

}  // namespace fedstrata
