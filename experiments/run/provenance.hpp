#pragma once
#include "common/mpi/comm.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

/// Collective. Where and with what this start of a run happens: version, build, libraries, CPU
/// kind, hosts, Slurm job, time.
ProvenanceRecord provenance(mpi::Comm const& world);

}  // namespace fedstrata
