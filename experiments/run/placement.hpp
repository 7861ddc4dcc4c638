#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/federation/experiment.hpp"
#include "common/federation/layout.hpp"
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// Collective. One line a rank: host, roles, device and threads, clients hosted. On rank 0; empty
/// elsewhere.
std::string placement_table(Experiment const& experiment, Layout const& layout,
                            std::string const& device, mpi::Comm const& world);

/// Collective. One sentence, on rank 0, when the rows and the data of the ranks of a machine are
/// more than the memory that it, its control group or a process may have (activations and the
/// analysis come on top); empty when they fit. `clients_at_once`: of this rank.
std::string memory_problem(Experiment const& experiment, Layout const& layout,
                           std::int64_t clients_at_once, mpi::Comm const& world);

/// What a run will need: parameters, memory per rank, bytes per checkpoint and in all, messages and
/// bytes per round. `clients_at_once`: the most that a rank trains together. Pure.
std::string forecast(Experiment const& experiment, Layout const& layout,
                     std::int64_t clients_at_once);

}  // namespace fedstrata
