#include "common/federation/layout.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <string>
#include <utility>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

std::vector<int> range(int first, int end) {
  std::vector<int> ranks(static_cast<std::size_t>(end - first));
  std::iota(ranks.begin(), ranks.end(), first);
  return ranks;
}

}  // namespace

bool Layout::trains(int rank) const {
  return std::binary_search(clients.begin(), clients.end(), rank);
}

bool Layout::analyses(int rank) const {
  return std::binary_search(analysis.begin(), analysis.end(), rank);
}

std::string Layout::role(int rank) const {
  std::string text = rank == 0 ? "coordinator" : "";
  if (trains(rank)) text += text.empty() ? "client" : "+client";
  if (analyses(rank)) text += text.empty() ? "analysis" : "+analysis";
  return text;
}

int Layout::client_index(int rank) const {
  auto const found = std::lower_bound(clients.begin(), clients.end(), rank);
  return found != clients.end() && *found == rank ? static_cast<int>(found - clients.begin()) : -1;
}

Layout assign_roles(int world, int analysis_ranks) {
  require(world >= 1, "A world of " + std::to_string(world) + " ranks is impossible");
  require_input(analysis_ranks >= 0,
                "analysis.ranks = " + std::to_string(analysis_ranks) + " must be >= 0");
  if (world == 1) return {world, {0}, {0}};
  if (world == 2) return {world, {1}, {0}};
  require_input(analysis_ranks <= world - 2,
                "analysis.ranks = " + std::to_string(analysis_ranks) +
                    " leaves no rank to train in a world of " + std::to_string(world) +
                    " (one coordinates): start at least " + std::to_string(analysis_ranks + 2) +
                    " ranks or set analysis.ranks to at most " + std::to_string(world - 2));
  int const first_analysis = world - analysis_ranks;
  return {world, range(1, first_analysis),
          analysis_ranks == 0 ? std::vector<int>{0} : range(first_analysis, world)};
}

std::vector<int> host_clients(std::span<std::int64_t const> samples, int client_ranks) {
  require(client_ranks >= 1, "No rank to host the clients");
  std::vector<std::size_t> order(samples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return samples[a] > samples[b]; });

  using Load = std::pair<std::int64_t, int>;  // samples so far, rank
  std::priority_queue<Load, std::vector<Load>, std::greater<>> ranks;
  for (int rank = 0; rank < client_ranks; ++rank) ranks.emplace(0, rank);
  std::vector<int> hosts(samples.size());
  for (auto const client : order) {
    auto const [load, rank] = ranks.top();
    ranks.pop();
    hosts[client] = rank;
    ranks.emplace(load + samples[client], rank);
  }
  return hosts;
}

}  // namespace fedstrata
