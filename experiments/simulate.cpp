#include <cstdio>
#include <filesystem>
#include <optional>

#include "common/error.hpp"
#include "common/run_directory.hpp"
#include "common/schedule.hpp"
#include "common/script_model.hpp"
#include "common/stopwatch.hpp"
#include "experiments/analysis_jobs.hpp"
#include "experiments/commands.hpp"
#include "experiments/placement.hpp"
#include "experiments/progress.hpp"
#include "experiments/provenance.hpp"
#include "experiments/session.hpp"
#include "experiments/simulation.hpp"

namespace fedstrata {
namespace {

/// Rank 0 reads and checks; everybody parses the same resolved text.
Config shared_config(CommandLine const& line, mpi::Comm const& world) {
  std::string text;
  if (world.rank() == 0) text = to_text(load_config(line.target, line.set));
  return parse_config(world.broadcast(text, 0), line.target);
}

/// run.threads = 0 becomes the number rank 0's node allows, so that the stored text is complete.
void resolve_threads(Config& config, Device const& device, mpi::Comm const& world) {
  config.run.threads = static_cast<int>(world.all_gather(device.threads()).at(0));
}

std::filesystem::path output_directory(CommandLine const& line) {
  if (!line.out.empty()) return line.out;
  return std::filesystem::path("runs") / std::filesystem::path(line.target).stem();
}

void check_idle_ranks(CommandLine const& line, Config const& config, Layout const& layout) {
  auto const ranks = static_cast<std::int64_t>(layout.clients.size());
  require_input(ranks <= config.data.clients || line.allow_idle_ranks,
                std::to_string(ranks) +
                    " client ranks, but data.clients = " + std::to_string(config.data.clients) +
                    ": " + std::to_string(ranks - config.data.clients) +
                    " ranks would idle; start fewer ranks, raise data.clients or pass "
                    "--allow-idle-ranks");
}

/// Continuing a run is not there yet; starting one that never began is.
void check_resume(CommandLine const& line, std::filesystem::path const& directory) {
  require_input(!line.resume || !std::filesystem::exists(directory / "run.h5"),
                "--resume: this version cannot continue the run in '" + directory.string() +
                    "' yet; choose another --out");
}

RunHeader header_of(Experiment const& experiment, ProvenanceRecord const& record) {
  RunHeader header;
  header.config_text = to_text(experiment.config);
  header.seed = experiment.config.run.seed;
  header.model = experiment.config.model.name;
  header.dataset = experiment.dataset;
  header.table = experiment.model.table();
  header.partition = experiment.partition;
  header.provenance = record;
  header.script = script_file(experiment.config.model).value_or("");
  return header;
}

/// Rank 0 first, so that a bad configuration is reported once.
Experiment make_experiment(Config const& config, DatasetView const& data, mpi::Comm const& world) {
  std::optional<Experiment> mine;
  if (world.rank() == 0) mine.emplace(config, data.info, data.train_labels);
  world.barrier();
  if (!mine) mine.emplace(config, data.info, data.train_labels);
  return std::move(*mine);
}

void print_plan(Experiment const& experiment, Layout const& layout, std::string const& placement) {
  std::printf("%s%s", placement.c_str(), forecast(experiment, layout).c_str());
  std::fflush(stdout);
}

std::vector<TimeShares> gather_times(TimeShares const& mine, mpi::Comm const& world) {
  std::string const bytes(reinterpret_cast<char const*>(&mine), sizeof(mine));
  std::vector<TimeShares> all;
  for (auto const& text : world.all_gather(bytes)) {
    TimeShares times;
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(&times));
    all.push_back(times);
  }
  return all;
}

}  // namespace

int simulate(CommandLine const& line, std::vector<std::string> const& arguments) {
  auto const world = mpi::Comm::world();
  bool const first = world.rank() == 0;
  check_same_program(world, arguments);
  auto config = shared_config(line, world);
  if (line.print_config) {
    if (first) std::printf("%s", to_text(config).c_str());
    return 0;
  }
  auto const layout = assign_roles(world.size(), config.analysis.ranks);
  auto const directory = output_directory(line);
  if (first) {
    check_idle_ranks(line, config, layout);
    check_resume(line, directory);
    if (!line.dry_run) RunDirectory::check_creatable(directory);
  }
  world.barrier();
  auto const device = pick_device(config.run, layout.computes(world.rank()), world);
  resolve_threads(config, device, world);
  SharedDataset const data(config.data, config.run.seed, world);
  auto const experiment = make_experiment(config, data.view(), world);
  auto const placement = placement_table(experiment, layout, device.describe(), world);
  if (first) {
    check_insitu(experiment);
    print_plan(experiment, layout, placement);
  }
  if (line.dry_run) return 0;

  Stopwatch const wall;
  auto const record = provenance(world);
  std::optional<RunDirectory> run;
  if (first) run = RunDirectory::create(directory, header_of(experiment, record));
  world.barrier();
  if (!first && layout.analyses(world.rank())) run = RunDirectory::attach(directory);
  auto const& info = data.view().info;
  Batches const train(info, data.view().train_pixels, data.view().train_labels, device);
  Batches const test(info, data.view().test_pixels, data.view().test_labels, device);
  Simulation simulation(
      {&experiment, &layout, &device, &train, &test, run ? &*run : nullptr, &world});
  simulation.run();
  auto const times = gather_times(simulation.times(), world);
  if (first) {
    run->mark_done();
    std::printf("%sglobal model %016llx\nresults in %s\n",
                time_table(layout, times, wall.seconds()).c_str(),
                static_cast<unsigned long long>(simulation.global_hash()), directory.c_str());
  }
  return 0;
}

}  // namespace fedstrata
