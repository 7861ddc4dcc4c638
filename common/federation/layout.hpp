#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fedstrata {

/// Which rank does what. Rank 0 coordinates; the last `analysis` ranks analyse and write; the ranks
/// between train. Small worlds fold: 1 rank does everything; with 2 ranks (or when fewer than
/// 2 + analysis_ranks) rank 0 coordinates and analyses.
struct Layout {
  int world = 1;
  std::vector<int> clients;   ///< ranks that train, ascending, never empty
  std::vector<int> analysis;  ///< ranks that write rows and analyse; {0} when folded or none asked

  bool trains(int rank) const;
  bool analyses(int rank) const;
  bool computes(int rank) const { return trains(rank) || analyses(rank); }
  /// "coordinator", "client", "analysis", or several joined by +.
  std::string role(int rank) const;
  /// Index of the rank among the client ranks, -1 if it is none.
  int client_index(int rank) const;
};

/// Pure. Throws InputError for a world that has no room (analysis_ranks > world - 2 with world >
/// 2).
Layout assign_roles(int world, int analysis_ranks);

/// Deals clients to client ranks by load (samples), longest first, to the rank with least load so
/// far; ties by lower id. Result: per client the index of its rank among the client ranks.
std::vector<int> host_clients(std::span<std::int64_t const> samples, int client_ranks);

}  // namespace fedstrata
