// Whole runs in a test program that is started on several ranks.
#pragma once
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/checksum.hpp"
#include "common/store/run_writer.hpp"
#include "experiments/run/simulation.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {

using Row = std::vector<float>;
using Settings = std::vector<std::string>;

inline std::string const kFederation = R"([run]
seed = 3
[model]
name = mlp
hidden = 7,5
[data]
dataset = synthetic
clients = 6
partition = quantity
min_samples = 6
[train]
lr = 0.2
momentum = 0.9
batch_size = 4
[federation]
rounds = 4
evaluate = both
evaluate_every = 2
[checkpoint]
every = 1
before = yes
after = yes
)";

inline bool same_bits(Row const& a, Row const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline std::uint64_t hash(Row const& row) {
  Checksum sum;
  sum.add(std::as_bytes(std::span(row)));
  return sum.value();
}

/// One experiment, run by all ranks; rank 0 looks at what it left.
class FederatedRun {
 public:
  FederatedRun(Dataset dataset, Settings const& settings)
      : data(std::move(dataset)), experiment(tiny_experiment(data, kFederation, settings)) {
    if (world.rank() == 0) directory_.emplace();
    std::filesystem::path const path =
        world.broadcast(world.rank() == 0 ? (directory_->path() / "run").string() : "", 0);
    auto const layout = assign_roles(world.size(), experiment.config.analysis.ranks);
    std::optional<RunWriter> run;
    if (world.rank() == 0) run = RunWriter::create(path, header());
    world.barrier();
    if (!run && layout.analyses(world.rank())) run = RunWriter::attach(path);
    Liveness liveness(world, 0.0, layout.role(world.rank()));
    Simulation simulation({.experiment = &experiment,
                           .layout = &layout,
                           .device = &device,
                           .train = &train,
                           .test = &test,
                           .run = run ? &*run : nullptr,
                           .world = &world,
                           .liveness = &liveness});
    simulation.run();
    if (world.rank() != 0) return;
    hash = simulation.global_hash();
    run->mark_done(1);
    run.reset();
    stored.emplace(Run::open(path));
  }

  Row row(std::int64_t round, RowKind kind, std::int64_t client = -1) const {
    auto const& table = experiment.model.table();
    Row result(static_cast<std::size_t>(table.parameter_count + table.buffer_count));
    auto const parameters = static_cast<std::size_t>(table.parameter_count);
    stored->read(round, kind, client, std::span(result).first(parameters),
                 std::span(result).subspan(parameters));
    return result;
  }

  mpi::Comm const world = mpi::Comm::world();
  Dataset const data;
  Experiment const experiment;
  Device const device{DeviceChoice::cpu, 1, 0, 1};
  Samples const train{data.info, data.train, device};
  Samples const test{data.info, data.test, device};
  std::uint64_t hash = 0;
  std::optional<Run> stored;  ///< on rank 0

 private:
  RunHeader header() const {
    RunHeader header;
    header.provenance.emplace_back();
    header.config_text = to_text(experiment.config);
    header.seed = experiment.config.run.seed;
    header.model = experiment.config.model.name;
    header.dataset = data.info;
    header.table = experiment.model.table();
    header.partition = experiment.partition;
    return header;
  }

  std::optional<TemporaryDirectory> directory_;
};

/// One client's images are so bright that its first step overflows.
inline Dataset blinding(std::int64_t victim) {
  auto data = tiny_data();
  auto const experiment = tiny_experiment(data, kFederation);
  data.info.mean = {-1e-38};  // black becomes 1, white 1e38
  data.info.std = {1e-38};
  auto const image = data.train.inputs.size() / data.train.targets.size();
  std::ranges::fill(data.train.inputs, std::uint8_t{0});
  std::ranges::fill(data.test.inputs, std::uint8_t{0});
  for (auto const sample : experiment.partition.of(victim)) {
    auto const first = data.train.inputs.begin() + sample * static_cast<std::int64_t>(image);
    std::fill_n(first, image, std::uint8_t{255});
  }
  return data;
}

}  // namespace fedstrata
