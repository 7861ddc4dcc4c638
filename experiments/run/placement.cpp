#include "experiments/run/placement.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "client/algorithms/algorithms.hpp"
#include "common/base/environment.hpp"
#include "common/base/format.hpp"
#include "common/base/text.hpp"
#include "common/federation/exact_sum.hpp"
#include "server/averaging/layer_updates.hpp"

namespace fedstrata {
namespace {

/// Clients and samples of the busiest client rank.
struct Load {
  std::int64_t clients = 0;
  std::int64_t samples = 0;
};

std::vector<Load> loads(Experiment const& experiment, Layout const& layout) {
  std::vector<Load> result(layout.clients.size());
  auto const host = host_clients(experiment.loads(), static_cast<int>(layout.clients.size()));
  for (std::size_t client = 0; client < host.size(); ++client) {
    auto& load = result[static_cast<std::size_t>(host[client])];
    ++load.clients;
    load.samples += experiment.partition.samples(static_cast<std::int64_t>(client));
  }
  return result;
}

double participants_per_rank(Experiment const& experiment, Layout const& layout) {
  auto const taking_part = experiment.participants(1).size();
  return std::ceil(static_cast<double>(taking_part) / static_cast<double>(layout.clients.size()));
}

double client_rank_memory(Experiment const& experiment, Layout const& layout) {
  auto const state = 4.0 * static_cast<double>(experiment.state().size());
  auto const own = 4.0 * static_cast<double>(experiment.own_parts().size());
  double most = 0.0;
  for (auto const& load : loads(experiment, layout)) {
    most = std::max(most, static_cast<double>(load.clients) * own);
  }
  double const kept = experiment.config.federation.evaluate_every > 0
                          ? participants_per_rank(experiment, layout) * state
                          : 0.0;
  double const gradient = needs_gradient_row(experiment.config.train)
                              ? 4.0 * static_cast<double>(experiment.model.table().parameter_count)
                              : 0.0;
  // A sum and a mean of each element; the last round is an evaluated one, which has the most.
  auto const summed = std::max(experiment.state().model_size(),
                               experiment.parts(experiment.config.federation.rounds).parts.size());
  double const sums = 12.0 * static_cast<double>(summed);
  return 3.0 * state + gradient + most + kept + sums + 2.0 * state;
}

/// Its rows, and what updates keep: once at work, once on its way to be saved.
double coordinator_memory(Experiment const& experiment) {
  double kept = 0.0;
  for (auto const& field : update_fields(experiment)) kept += static_cast<double>(field.width);
  return 4.0 * (4.0 * static_cast<double>(experiment.state().model_size()) + 2.0 * kept);
}

}  // namespace

std::string placement_table(Experiment const& experiment, Layout const& layout,
                            std::string const& device, mpi::Comm const& world) {
  auto const hosts = world.all_gather(host_name());
  auto const devices = world.all_gather(device);
  if (world.rank() != 0) return "";
  auto const load = loads(experiment, layout);
  std::ostringstream out;
  out << "rank  host                 roles                          device                 clients "
         "(samples)\n";
  for (int rank = 0; rank < world.size(); ++rank) {
    auto const r = static_cast<std::size_t>(rank);
    out << padded(std::to_string(rank), 6) << padded(hosts[r], 21) << padded(layout.role(rank), 31)
        << padded(layout.computes(rank) ? devices[r] : "-", 23);
    if (int const index = layout.client_index(rank); index >= 0) {
      auto const& mine = load[static_cast<std::size_t>(index)];
      out << mine.clients << " (" << mine.samples << ")";
    }
    out << '\n';
  }
  return out.str();
}

std::string forecast(Experiment const& experiment, Layout const& layout) {
  auto const& config = experiment.config;
  auto const row = 4.0 * static_cast<double>(experiment.state().model_size());
  auto const taking_part = static_cast<double>(experiment.participants(1).size());
  double checkpoints = 0.0;
  double largest = 0.0;
  std::int64_t count = 0;
  for (std::int64_t round = 0; round <= config.federation.rounds; ++round) {
    auto const wanted = experiment.wanted(round);
    if (!wanted.keep) continue;
    double const clients = round == 0 ? static_cast<double>(experiment.clients()) : taking_part;
    double const size =
        row *
        (1.0 + clients * ((wanted.keep_before ? 1.0 : 0.0) + (wanted.keep_after ? 1.0 : 0.0)));
    checkpoints += size;
    largest = std::max(largest, size);
    ++count;
  }
  std::int64_t most_due = 0;
  for (std::int64_t round = 1; round <= config.federation.rounds; ++round) {
    most_due = std::max(most_due, experiment.schedule.due_elements(round));
  }
  auto const ranks = static_cast<double>(layout.clients.size());
  auto const due = static_cast<double>(most_due);
  std::ostringstream out;
  out << "parameters            " << experiment.model.table().parameter_count << " in "
      << experiment.model.table().layers.size() << " layers, buffers "
      << experiment.model.table().buffer_count << '\n'
      << "memory per rank       coordinator " << bytes_text(coordinator_memory(experiment))
      << ", client " << bytes_text(client_rank_memory(experiment, layout))
      << " (rows; activations come on top), analysis "
      << bytes_text(3.0 * row + static_cast<double>(config.analysis.memory)) << " at most\n"
      << "data set per node     "
      << bytes_text(static_cast<double>(
             (experiment.dataset.train_count + experiment.dataset.test_count) *
             (experiment.dataset.input_bytes() + experiment.dataset.target_bytes())))
      << '\n'
      << "checkpoints           " << count << ", at most " << bytes_text(largest) << " each, "
      << bytes_text(checkpoints) << " in all\n"
      << "per round, at most    " << taking_part << " participants, " << due
      << " elements averaged, " << bytes_text(2.0 * taking_part * due * 4.0)
      << " in a real federation (2 x participants x elements x 4)\n"
      << "between the ranks     " << std::ceil(due / static_cast<double>(kBucketElements))
      << " buckets reduced and broadcast over " << ranks + 1 << " ranks, "
      << bytes_text(ranks * due * 12.0) << "; at checkpoints " << taking_part << " rows of "
      << bytes_text(row) << " to the analysis ranks\n";
  return out.str();
}

}  // namespace fedstrata
