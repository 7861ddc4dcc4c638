#include "experiments/run/placement.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "client/algorithms/algorithms.hpp"
#include "common/base/environment.hpp"
#include "common/base/format.hpp"
#include "common/base/text.hpp"
#include "common/federation/exact_sum.hpp"
#include "experiments/run/memory.hpp"
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

/// `at_once`: clients trained together.
double client_rank_memory(Experiment const& experiment, Layout const& layout,
                          std::int64_t at_once) {
  auto const state = 4.0 * static_cast<double>(experiment.state().size());
  auto const own = 4.0 * static_cast<double>(experiment.own_parts().size());
  double most = 0.0;
  for (auto const& load : loads(experiment, layout)) {
    most = std::max(most, static_cast<double>(load.clients) * own);
  }
  auto const last = experiment.parts(experiment.config.federation.rounds);
  double const kept =
      experiment.config.federation.evaluate_every > 0 || !last.distant_layers.empty()
          ? participants_per_rank(experiment, layout) * state
          : 0.0;
  double const gradient = needs_gradient_row(experiment.config.train)
                              ? 4.0 * static_cast<double>(experiment.model.table().parameter_count)
                              : 0.0;
  double const copy = needs_model_copy(experiment.config.train)
                          ? 4.0 * static_cast<double>(experiment.state().model_size())
                          : 0.0;
  // A sum and a mean of each element; the last round is an evaluated one, which has the most.
  auto const summed = std::max(experiment.state().model_size(), last.parts.size());
  double const sums = 12.0 * static_cast<double>(summed);
  double const together = at_once > 1 ? std::min(static_cast<double>(at_once),
                                                 participants_per_rank(experiment, layout)) *
                                            (state + gradient)
                                      : 0.0;
  return 3.0 * state + gradient + copy + most + kept + sums + 2.0 * state + together;
}

/// Its rows, and what updates keep: once at work, once on its way to be saved.
double coordinator_memory(Experiment const& experiment) {
  double kept = 0.0;
  for (auto const& field : update_fields(experiment)) kept += static_cast<double>(field.width);
  return 4.0 * (4.0 * static_cast<double>(experiment.state().model_size()) + 2.0 * kept);
}

/// Of the data set, once a machine.
double data_memory(Experiment const& experiment) {
  auto const& data = experiment.dataset;
  return static_cast<double>((data.train_count + data.test_count) *
                             (data.input_bytes() + data.target_bytes()));
}

// A longer run is taken to go on like its first rounds.
std::int64_t rounds_looked_at(Experiment const& experiment) {
  auto const layers = static_cast<std::int64_t>(experiment.model.table().layers.size());
  return std::min(experiment.config.federation.rounds,
                  std::clamp<std::int64_t>(20'000'000 / (layers + 1), 100, 100'000));
}

std::string evaluation_text(Experiment const& experiment) {
  auto const& plan = experiment.evaluation;
  if (plan.every == 0) return "none (federation.evaluate_every = 0)";
  auto const taking_part = experiment.participants(1).size();
  std::string const clients = plan.participants == 0
                                  ? ""
                                  : std::to_string(plan.participants) + " of " +
                                        std::to_string(taking_part) + " participants' own models";
  auto const models = std::string(plan.global ? "global model" : "") +
                      (plan.global && !clients.empty() ? " and " : "") + clients;
  return models +
         (plan.every == 1 ? " every round" : " every " + std::to_string(plan.every) + " rounds") +
         ", about " + shortest(std::round(100.0 * plan.share)) +
         " % of the training's arithmetic (federation.evaluate = " +
         experiment.config.federation.evaluate.text + ")";
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

std::string memory_problem(Experiment const& experiment, Layout const& layout,
                           std::int64_t clients_at_once, mpi::Comm const& world) {
  auto const hosts = world.all_gather(host_name());
  auto const node = node_memory(), own = process_memory();
  auto const kMost = 9e18;
  auto const nodes = world.all_gather(static_cast<std::int64_t>(std::min(node.bytes, kMost)));
  auto const owns = world.all_gather(static_cast<std::int64_t>(std::min(own.bytes, kMost)));
  auto const names = world.all_gather(node.what);
  auto const most_at_once = std::ranges::max(world.all_gather(clients_at_once));
  if (world.rank() != 0) return "";
  double const client = client_rank_memory(experiment, layout, most_at_once);
  std::map<std::string, double> needs;
  auto const refuse = [](std::string const& who, double need, double there,
                         std::string const& what) {
    return who + " would need " + bytes_text(need) + " for models and data, and " + what + " is " +
           bytes_text(there) +
           "; take fewer ranks on it, fewer clients whose layers stay personal, a smaller model, "
           "or "
           "a machine with more memory";
  };
  for (std::size_t r = 0; r < hosts.size(); ++r) {
    int const rank = static_cast<int>(r);
    double const need = (rank == 0 ? coordinator_memory(experiment) : 0.0) +
                        (layout.client_index(rank) >= 0 ? client : 0.0);
    if (need > static_cast<double>(owns[r])) {
      return refuse("rank " + std::to_string(rank) + " on " + hosts[r], need,
                    static_cast<double>(owns[r]), "what ulimit -v leaves");
    }
    auto& sum = needs.try_emplace(hosts[r], data_memory(experiment)).first->second;
    sum += need;
    if (sum > static_cast<double>(nodes[r]))
      return refuse(hosts[r], sum, static_cast<double>(nodes[r]), names[r]);
  }
  return "";
}

std::string forecast(Experiment const& experiment, Layout const& layout,
                     std::int64_t clients_at_once) {
  auto const& config = experiment.config;
  auto const row = 4.0 * static_cast<double>(experiment.state().model_size());
  auto const taking_part = static_cast<double>(experiment.participants(1).size());
  double checkpoints = 0.0;
  double largest = 0.0;
  std::int64_t count = 0;
  auto const looked = rounds_looked_at(experiment);
  for (std::int64_t round = 0; round <= looked; ++round) {
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
  if (looked < config.federation.rounds) {
    double const times =
        static_cast<double>(config.federation.rounds) / static_cast<double>(looked);
    checkpoints *= times;
    count = std::llround(static_cast<double>(count) * times);
  }
  std::int64_t most_due = 0;
  for (std::int64_t round = 1; round <= looked; ++round) {
    most_due = std::max(most_due, experiment.schedule.due_elements(round));
  }
  auto const ranks = static_cast<double>(layout.clients.size());
  auto const together = layout.clients.size() + (layout.trains(0) ? 0 : 1);  // with the coordinator
  auto const due = static_cast<double>(most_due);
  std::ostringstream out;
  out << "parameters            " << experiment.model.table().parameter_count << " in "
      << experiment.model.table().layers.size() << " layers, buffers "
      << experiment.model.table().buffer_count << '\n'
      << "memory per rank       coordinator " << bytes_text(coordinator_memory(experiment))
      << ", client " << bytes_text(client_rank_memory(experiment, layout, clients_at_once))
      << " (rows; activations come on top), analysis "
      << bytes_text(3.0 * row + static_cast<double>(config.analysis.memory)) << " at most\n"
      << (clients_at_once > 1 ? "clients at once       at most " + std::to_string(clients_at_once) +
                                    " of a rank whose batches have the same sizes "
                                    "(run.clients_at_once)\n"
                              : "")
      << "data set per node     " << bytes_text(data_memory(experiment)) << '\n'
      << "checkpoints           " << count << ", at most " << bytes_text(largest) << " each, "
      << bytes_text(checkpoints) << " in all\n"
      << "evaluation            " << evaluation_text(experiment) << '\n'
      << "per round, at most    " << taking_part << " participants, " << due
      << " elements averaged, " << bytes_text(2.0 * taking_part * due * 4.0)
      << " in a real federation (2 x participants x elements x 4)\n"
      << "between the ranks     ";
  if (together == 1) {
    out << "nothing, as there is one\n";
  } else {
    out << std::ceil(due / static_cast<double>(kBucketElements))
        << " buckets reduced and broadcast over " << together << " ranks, "
        << bytes_text(ranks * due * 12.0) << "; at checkpoints " << taking_part << " rows of "
        << bytes_text(row) << " to the analysis ranks\n";
  }
  return out.str();
}

}  // namespace fedstrata
