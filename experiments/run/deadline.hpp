#pragma once
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// Collective. Tells stop:: when time is up, seconds since 1970 as rank 0 finds it: `minutes` from
/// now (0 = no such limit) or the end of the Slurm job (SLURM_JOB_END_TIME, else asked of squeue),
/// whichever comes first.
void watch_deadline(double minutes, mpi::Comm const& world);

}  // namespace fedstrata
