#include "experiments/run/resume.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/config/options.hpp"
#include "common/config/syntax.hpp"
#include "common/store/names.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/upkeep/linked_run.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

/// `config` with the number of rounds of `other`, if the learning rates of rounds that are there do
/// not depend on it.
Config with_rounds_of(Config const& other, Config config) {
  bool const fixed_schedule =
      other.train.schedule != ScheduleKind::cosine || other.train.horizon > 0.0;
  if (fixed_schedule) config.federation.rounds = other.federation.rounds;
  return config;
}

std::string listed(std::vector<Difference> const& differences) {
  std::vector<std::string> texts;
  for (auto const& [key, before, now, effect] : differences) {
    texts.push_back(key + " was " + (before.empty() ? "empty" : before) + " and is " +
                    (now.empty() ? "empty" : now));
  }
  return join(texts, ", ");
}

void check_changes(Config const& stored, Config const& config, StartRequest const& asked,
                   std::string const& directory) {
  auto changed = differences(stored, config);
  std::erase_if(changed, [](auto const& d) { return !d.effect.numbers() && !d.effect.storage; });
  // What is stored already stays as it is, whatever is analysed and kept from now on.
  auto fatal = differences(with_rounds_of(config, stored), config);
  std::erase_if(fatal, [](auto const& d) { return !d.effect.results; });
  require_input(fatal.empty(), "the run in '" + directory + "' was started with other settings (" +
                                   listed(fatal) + "); give those it has, or choose another --out");
  require_input(changed.empty() || asked.allow_config_change,
                "the run in '" + directory + "' was started with other settings (" +
                    listed(changed) +
                    "); what is stored stays as it is: pass --allow-config-change to go on with "
                    "the new ones");
}

}  // namespace

Start prepare_start(StartRequest const& asked) {
  Start start;
  std::error_code error;
  require_input(fs::exists(asked.target, error),
                "there is no config file" + std::string(asked.resume ? " or run" : "") + " '" +
                    asked.target + "'" + beginning_of(asked.target));
  bool const directory = fs::is_directory(asked.target, error);
  bool const is_run = fs::exists(fs::path(asked.target) / RunNames::kIndex, error);
  require_input(asked.resume || !directory,
                quoted(fs::path(asked.target)) +
                    (is_run ? " is a run, not a config file; go on with it by fedstrata simulate "
                              "--resume " +
                                  asked.target
                            : " is a directory, not a config file; name a file"));
  bool const by_directory = asked.resume && directory;
  start.directory = !asked.out.empty() ? fs::path(asked.out)
                    : by_directory     ? fs::path(asked.target)
                                       : fs::path("runs") / fs::path(asked.target).stem();
  require_input(!by_directory || asked.out.empty(),
                "--resume " + asked.target + ": a run goes on where it is; leave out --out");
  bool const begun = asked.resume && fs::exists(start.directory / "run.h5", error);
  require_input(begun || !by_directory,
                "'" + asked.target +
                    "' holds no run to go on with; start one with fedstrata simulate "
                    "FILE.ini --out " +
                    asked.target);
  if (!begun) {
    start.config = load_config(asked.target, asked.set);
    return start;
  }
  auto const run = Run::open(start.directory, Verify::tables);
  auto const models = models_of(start.directory);
  require_input(models.empty(), "'" + start.directory.string() +
                                    "' holds analyses of the models of another run; go on with "
                                    "that one: '" +
                                    models.string() + "'");
  start.stored = run.header();
  auto const source = start.directory.string();
  auto const& stored_text = start.stored->config_text;
  auto const given = by_directory ? stored_text : read_input(asked.target, "config file");
  auto overrides = older_values(stored_text, given);
  auto const stored = parse_config(stored_text, source, older_values(stored_text));
  overrides.insert(overrides.end(), asked.set.begin(), asked.set.end());
  start.config = parse_config(given, by_directory ? source : asked.target, overrides);
  if (start.config.run.threads == 0) start.config.run.threads = stored.run.threads;
  check_changes(stored, start.config, asked, source);
  auto const last = run.metrics<RoundRecord>();
  require_input(last.empty() || last.back().round <= start.config.federation.rounds,
                "federation.rounds = " + std::to_string(start.config.federation.rounds) +
                    ", but the run in '" + source + "' has " +
                    std::to_string(last.empty() ? 0 : last.back().round) + " already");
  bool const same_end = stored.federation.rounds == start.config.federation.rounds;
  start.complete = run.complete() && same_end;
  bool const state_is_gone = run.complete() && !same_end && !last.empty() &&
                             last.back().round > 0 && !has_resume_state(run.resume_directory());
  require_input(!state_is_gone,
                "the run in '" + source +
                    "' is complete and did not keep a state to go on from; "
                    "train it anew with --set federation.rounds=" +
                    std::to_string(start.config.federation.rounds) +
                    " --out ELSEWHERE, and with checkpoint.keep_state = yes where more rounds are "
                    "to follow");
  return start;
}

void check_continues(RunHeader const& stored, DatasetView const& data, Partition const& partition,
                     ProvenanceRecord const& start) {
  bool const same = is_data_of(stored, data) && stored.partition.indices == partition.indices &&
                    stored.partition.offsets == partition.offsets;
  require_input(same,
                "the data set is not the one that the run was started with; point data.dir at "
                "the same files");
  auto const& first = stored.provenance.front();
  auto const warn = [](std::string const& what, std::string const& before, std::string const& now) {
    if (before == now) return;
    log::warning("the run was started with another " + what + " (" + before + ", now " + now +
                 "): the rest may have other bits than an uninterrupted run");
  };
  warn("processor", first.cpu.str(), start.cpu.str());
  warn("build", first.build.str(), start.build.str());
  warn("set of libraries", first.libraries.str(), start.libraries.str());
}

std::string continued_analysis(RunWriter& run, Config const& config) {
  for (int number = 1;; ++number) {
    auto const name = number == 1 ? std::string("insitu") : "insitu-" + std::to_string(number);
    if (run.has_analysis(name)) {
      auto changed = differences(parse_config(run.analysis_config(name), name), config);
      std::erase_if(changed, [](auto const& d) { return !d.effect.analysis; });
      if (changed.empty()) return name;
      continue;
    }
    for (auto const& checkpoint : number > 1 ? run.checkpoints() : std::vector<CheckpointInfo>{}) {
      if (!checkpoint.kept) run.discard(checkpoint.round);
    }
    return name;
  }
}

}  // namespace fedstrata
