#include "experiments/commands/simulate.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "client/algorithms/algorithms.hpp"
#include "client/clients_at_once.hpp"
#include "common/base/error.hpp"
#include "common/base/format.hpp"
#include "common/base/log.hpp"
#include "common/base/process/launcher.hpp"
#include "common/base/process/stop.hpp"
#include "common/base/stopwatch.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/config/keys.hpp"
#include "common/config/options.hpp"
#include "common/config/text.hpp"
#include "common/federation/liveness.hpp"
#include "common/federation/schedule.hpp"
#include "common/model/script/script_model.hpp"
#include "common/store/name_widths.hpp"
#include "common/store/names.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/run_writer.hpp"
#include "common/store/upkeep/cleaning.hpp"
#include "experiments/commands/checks.hpp"
#include "experiments/run/analysis_jobs.hpp"
#include "experiments/run/deadline.hpp"
#include "experiments/run/estimate.hpp"
#include "experiments/run/labels.hpp"
#include "experiments/run/launch.hpp"
#include "experiments/run/network/trial.hpp"
#include "experiments/run/placement.hpp"
#include "experiments/run/progress.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/resume.hpp"
#include "experiments/run/session.hpp"
#include "experiments/run/simulation.hpp"
#include "server/averaging/layer_updates.hpp"

// Everything that can be wrong is found before anything is made: rank 0 reads and checks first, so
// that one rank reports, and the others get what it read as text. Only then is the directory made,
// and training begins.

namespace fedstrata {
namespace {

/// Rank 0 reads and checks; everybody parses the same resolved text.
Config shared_config(Start const& start, std::string const& source, mpi::Comm const& world) {
  auto const text = world.rank() == 0 ? to_text(start.config) : std::string();
  return parse_config(world.broadcast(text, 0), source);
}

/// run.threads = 0 becomes the number rank 0's node allows, so that the stored text is complete.
void resolve_threads(Config& config, Device const& device, mpi::Comm const& world) {
  config.run.threads = static_cast<int>(world.all_gather(device.threads()).at(0));
}

void check_precision(TrainConfig const& train, Device const& device) {
  require_input(train.precision == "float32" || device.has_tf32(),
                "train.precision = tf32 needs a GPU of NVIDIA's Ampere generation or later, and "
                "clients would train on " +
                    device.describe() + "; set train.precision = float32, or run.device = cuda");
}

void warn_of(std::vector<std::string> const& sentences) {
  for (auto const& sentence : sentences) log::warning(sentence);
}

/// Of a run that goes on it was said at its start.
void check_new_settings(Start const& start, std::string const& source) {
  if (start.stored) return;
  if (start.config.analysis.every > 0) check_pairs_of_kinds(start.config.analysis, source);
  warn_of(settings_without_effect(start.config));
}

RunHeader header_of(Experiment const& experiment, DatasetView const& data,
                    ProvenanceRecord const& record) {
  RunHeader header;
  header.config_text = to_text(experiment.config);
  header.seed = experiment.config.run.seed;
  header.model = experiment.config.model.name;
  header.dataset = experiment.dataset;
  header.data_checksum = content_checksum(data);
  header.table = experiment.model.table();
  header.partition = experiment.partition;
  header.provenance = {record};
  header.script = script_file(experiment.config.model).value_or("");
  return header;
}

/// Rank 0 first, so that a bad configuration is reported once.
Experiment make_experiment(Config const& config, DatasetView const& data, mpi::Comm const& world) {
  std::optional<Experiment> mine;
  auto const make = [&] {
    mine.emplace(config, data.info, data.train.targets, state_fields(config.train),
                 data.train.owners);
  };
  if (world.rank() == 0) make();
  world.barrier();
  if (!mine) make();
  return std::move(*mine);
}

void print_plan(Experiment const& experiment, Layout const& layout, std::string const& placement,
                std::int64_t clients_at_once) {
  std::printf("%s%s", placement.c_str(), forecast(experiment, layout, clients_at_once).c_str());
  std::fflush(stdout);
}

void print_time(Experiment const& experiment, Layout const& layout, Speed const& speed) {
  auto const time = estimate_time(experiment, layout, speed);
  std::printf("%s", time_lines(time, experiment.config.federation.rounds).c_str());
  std::fflush(stdout);
  if (auto const sentence = analysis_warning(time); !sentence.empty()) log::warning(sentence);
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

/// Where a run that was begun goes on, as rank 0 found it.
struct Continuation {
  std::optional<std::int64_t> round;
  std::string analysis = "insitu";
};

/// Collective. Rank 0 makes the run, or takes it up again.
std::optional<RunWriter> open_run(Start const& start, Experiment const& experiment,
                                  DatasetView const& data, Layout const& layout,
                                  ProvenanceRecord const& record, mpi::Comm const& world,
                                  Continuation& continuation) {
  std::optional<RunWriter> run;
  std::string round;
  if (world.rank() == 0) {
    if (start.stored) {
      run = RunWriter::resume(start.directory, to_text(experiment.config), record);
      continuation.analysis = continued_analysis(*run, experiment.config);
      if (auto const state = ResumeState::latest(run->resume_directory())) {
        round = std::to_string(state->round());
      }
    } else {
      run = RunWriter::create(start.directory, header_of(experiment, data, record));
    }
  }
  round = world.broadcast(round, 0);
  if (!round.empty()) continuation.round = std::stoll(round);
  continuation.analysis = world.broadcast(continuation.analysis, 0);
  if (world.rank() != 0 && layout.analyses(world.rank())) {
    run = RunWriter::attach(start.directory);
  }
  return run;
}

void print_end(Start const& start, Simulation const& simulation, bool finished,
               std::string const& times, int ranks) {
  std::printf("%sglobal model %016llx\n", times.c_str(),
              static_cast<unsigned long long>(simulation.global_hash()));
  if (finished) {
    std::printf("results in %s\n", start.directory.c_str());
  } else {
    std::printf(
        "stopped in order (%s) after round %lld of %lld; go on with: fedstrata simulate "
        "--resume %s%s\n",
        stop::reason().c_str(), static_cast<long long>(simulation.last_round()),
        static_cast<long long>(start.config.federation.rounds), start.directory.c_str(),
        launcher::ranks_option(ranks).c_str());
  }
  std::fflush(stdout);
}

}  // namespace

Command<SimulateOptions> const& simulate_command() {
  using Options = SimulateOptions;
  static Command<Options> const command = {
      .text = {.name = "simulate",
               .target = "FILE.ini",
               .summary = "train clients, average layer by layer, analyse, store everything",
               .details = "FILE.ini is a config file (keys below). With --resume it may be the "
                          "directory of a run, whose\n"
                          "stored config is used. --ranks starts several ranks.",
               .example = "fedstrata simulate experiments/quickstart.ini --ranks 4 --set "
                          "train.lr=0.1 --out runs/a",
               .keys = ""},
      .options = {
          option::text("out", "DIR", &Options::out,
                       "directory of the run (default: runs/ and the config's name)"),
          option::list("set", "section.key=value", &Options::set,
                       "set one key after reading the file; may be repeated"),
          option::number("ranks", "N", &Options::ranks, 1, "integer >= 1",
                         "start it on N ranks of this machine; under mpirun or srun leave it out"),
          option::flag("resume", &Options::resume,
                       "go on where the run in DIR stopped, or start it"),
          option::flag("dry-run", &Options::dry_run,
                       "show placement, memory, storage, messages and estimated time; run nothing"),
          option::without(
              {"dry-run", "allow-idle-ranks"},
              option::flag("print-config", &Options::print_config,
                           "print every key with its resolved value; can be read back")),
          option::needing(
              "resume",
              option::flag(
                  "allow-config-change", &Options::allow_config_change,
                  "with --resume: other [checkpoint], [analysis] or federation.rounds are fine")),
          option::flag("allow-idle-ranks", &Options::allow_idle_ranks,
                       "more client ranks than clients are no error; the surplus waits")}};
  return command;
}

int simulate(SimulateOptions const& options, std::vector<std::string> const& words) {
  auto const world = mpi::Comm::world();
  bool const first = world.rank() == 0;
  check_same_program(world, words);
  Start start;
  if (first)
    start = prepare_start({.target = options.target,
                           .out = options.out,
                           .set = options.set,
                           .resume = options.resume,
                           .allow_config_change = options.allow_config_change});
  auto config = shared_config(start, options.target, world);
  start.directory = world.broadcast(start.directory.string(), 0);
  if (options.print_config) {
    if (first) std::printf("%s", to_text(config).c_str());
    return 0;
  }
  if (world.all_gather(std::int64_t{start.complete}).at(0) != 0) {
    if (first) tidy_run(start.directory);
    if (first) std::printf("the run in %s is complete\n", start.directory.c_str());
    return 0;
  }
  auto const layout = assign_roles(world.size(), config.analysis.ranks);
  Liveness liveness(world, config.run.stall_timeout, layout.role(world.rank()));
  std::optional<RunWriter> run;
  auto const signs_of_life = world.background().always([&] {
    liveness.poll();
    if (run) run->heartbeat();
  });
  if (first) {
    check_new_settings(start, options.target);
    if (!options.allow_idle_ranks) {
      check_idle_ranks(layout, config,
                       "start fewer ranks, raise data.clients or pass --allow-idle-ranks");
    }
    if (!options.dry_run && !start.stored) RunWriter::check_creatable(start.directory);
  }
  world.barrier();
  watch_deadline(config.run.walltime, world);
  auto const device = pick_device(config.run, layout.computes(world.rank()), world);
  if (layout.trains(world.rank())) check_precision(config.train, device);
  resolve_threads(config, device, world);
  warn_of_sharing(device, layout.computes(world.rank()), world);
  liveness.announce("reading the data set");
  SharedDataset const data(config.data, config.run.seed, world);
  auto const experiment = make_experiment(config, data.view(), world);
  if (first) clients_at_once(experiment, device.is_host());  // refused once
  world.barrier();
  auto const at_once =
      layout.trains(world.rank()) ? clients_at_once(experiment, device.is_host()) : 1;
  auto const& info = data.view().info;
  Samples const train(info, data.view().train, device);
  Samples const test(info, data.view().test, device);
  // Of a run that goes on it was done at its start.
  bool const begun = world.all_gather(std::int64_t{start.stored.has_value()}).at(0) != 0;
  if (!begun && first) check_names(experiment.model.table(), config.model.name);
  if (auto const sentence = absent_labels(experiment); !begun && first && !sentence.empty())
    log::warning(sentence);
  if (!begun && world.rank() == layout.clients.front())
    warn_of(try_network(experiment, device, train));
  world.barrier();
  auto const placement = placement_table(experiment, layout, device.describe(), world);
  auto const most_at_once = std::ranges::max(world.all_gather(at_once));
  auto const record = provenance(world);
  auto const memory = memory_problem(experiment, layout, at_once, world);
  if (first) {
    if (start.stored) {
      check_continues(*start.stored, data.view(), experiment.partition, record);
    }
    check_updates(config);
    check_insitu(experiment);
    if (config.analysis.every > 0) warn_of_statistics(config.analysis, experiment.model.table());
    print_plan(experiment, layout, placement, most_at_once);
    if (options.dry_run && !memory.empty()) log::warning(memory);
    require_input(options.dry_run || memory.empty(), memory);
  }
  if (options.dry_run) {
    auto const speed = probe_speed(experiment, layout, device, train, test, world);
    if (first) print_time(experiment, layout, speed);
    return 0;
  }

  Stopwatch const wall;
  Continuation continuation;
  liveness.announce("opening the run");
  world.barrier();  // until here a signal ends all ranks
  stop::begin_work(config.run.stall_timeout);
  run = open_run(start, experiment, data.view(), layout, record, world, continuation);
  if (first && continuation.round) {
    std::printf("%s  going on after round %lld\n", time_of_day().c_str(),
                static_cast<long long>(*continuation.round));
    std::fflush(stdout);
  }
  Simulation simulation({.experiment = &experiment,
                         .layout = &layout,
                         .device = &device,
                         .train = &train,
                         .test = &test,
                         .run = run ? &*run : nullptr,
                         .world = &world,
                         .liveness = &liveness,
                         .analysis = continuation.analysis,
                         .resume_round = continuation.round,
                         .resume_directory = start.directory / RunNames::kResume});
  auto const work = [&] { return simulation.run(); };
  bool const finished = run ? run->in_place(work) : work();
  stop::ignore();
  auto const times = gather_times(simulation.times(), world);
  if (first) {
    if (finished) {
      run->merge_segments();
      run->mark_done(std::int64_t{config.checkpoint.keep_state});
    }
    print_end(start, simulation, finished, time_table(layout, times, wall.seconds()), world.size());
  }
  return finished ? 0 : 3;
}

}  // namespace fedstrata
