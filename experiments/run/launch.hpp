#pragma once
#include <string>
#include <vector>

#include "common/device/device.hpp"
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// Was this process started as one of several that know nothing of each other (a launcher of
/// another MPI library)? One sentence with the fix, or empty.
std::string launch_problem(mpi::Comm const& world);

/// Collective. Throws InputError when ranks run different programs or libraries, or were started
/// with other arguments; warns when their processors differ (other bits) and when the BLAS is the
/// slow reference one.
void check_same_program(mpi::Comm const& world, std::vector<std::string> const& arguments);

/// Collective. Warns, with numbers, of nodes with more threads than cores and of GPUs that several
/// ranks share. `computes`: does this rank?
void warn_of_sharing(Device const& device, bool computes, mpi::Comm const& world);

}  // namespace fedstrata
