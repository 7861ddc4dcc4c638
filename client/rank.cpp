#include "client/rank.hpp"

#include "common/base/process/stop.hpp"

namespace fedstrata {
namespace {

// Bounds the memory, and with it how far a writer may be behind.
constexpr std::size_t kRowsOnTheirWay = 2;

std::vector<std::int64_t> hosted_clients(Experiment const& experiment, Layout const& layout,
                                         int rank) {
  auto const loads = experiment.loads();
  auto const host = host_clients(loads, static_cast<int>(layout.clients.size()));
  int const mine = layout.client_index(rank);
  std::vector<std::int64_t> clients;
  for (std::size_t id = 0; id < host.size(); ++id) {
    if (host[id] == mine) clients.push_back(static_cast<std::int64_t>(id));
  }
  return clients;
}

}  // namespace

ClientRank::ClientRank(Experiment const& experiment, Layout const& layout, mpi::Comm const& world,
                       Device const& device, Samples const& train, Samples const& test)
    : rows_(world, kRowsOnTheirWay),
      reports_(world, 8),
      host_(ClientHostInput{
          .experiment = &experiment,
          .device = &device,
          .train = &train,
          .test = &test,
          .clients = hosted_clients(experiment, layout, world.rank()),
          .rank = layout.client_index(world.rank()),
          .ranks = static_cast<int>(layout.clients.size()),
          .sink =
              [this, &layout](RowHeader const& header, std::span<float const> row) {
                auto const shards = static_cast<std::int64_t>(layout.analysis.size());
                auto const writer = static_cast<std::size_t>(header.client % shards);
                rows_.send(ModelRow{header, {row.begin(), row.end()}}, layout.analysis[writer]);
              },
          .poll = [&world] { world.background().look_up(); }}) {}

void ClientRank::start(std::span<float const> global) {
  host_.start(global);
  reports_.send(host_.report_initial(), 0);
}

void ClientRank::resume(ResumeState const& state, std::span<float const> global) {
  host_.resume(state.round(), global, [&](std::int64_t client, std::span<float> row) {
    state.read(kOwnRow, client, row);
  });
}

void ClientRank::train(std::int64_t round, ExactSum& sum) {
  auto const excluded = host_.train(round, sum);
  reports_.send(TrainingEnd{.excluded = excluded.value_or(std::vector<std::int64_t>{}),
                            .stop = stop::signalled(),
                            .given_up = !excluded},
                0);
}

void ClientRank::finish(std::int64_t round, RoundParts const& parts, std::span<float const> mean,
                        double waited) {
  auto report = host_.finish(round, parts, mean);
  report.times.wait = waited;
  times_.train += report.times.train;
  times_.evaluate += report.times.evaluate;
  reports_.send(report, 0);
}

void ClientRank::end() {
  rows_.flush();
  reports_.send(RowsSent{}, 0);
}

}  // namespace fedstrata
