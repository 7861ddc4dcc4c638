#pragma once
#include <cstdint>
#include <string>

#include "common/federation/experiment.hpp"

namespace fedstrata {

/// Why clients of this experiment cannot be trained together, for people; empty where they can.
std::string no_clients_together(Experiment const& experiment);

/// Most clients that a rank trains together (run.clients_at_once), `host` = on the CPU. With `auto`
/// 1 there and where they cannot be trained together; else what fits into a memory that is the same
/// on every card, so that neither results nor resumed runs depend on how full one is. Throws
/// InputError where a number above 1 insists on what is not possible.
std::int64_t clients_at_once(Experiment const& experiment, bool host);

/// Bytes that one more client takes: its rows and, roughly, the activations of its batch.
double bytes_of_a_client(Experiment const& experiment);

}  // namespace fedstrata
