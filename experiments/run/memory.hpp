#pragma once
#include <limits>
#include <string>

namespace fedstrata {

/// Memory that there is, in bytes, and what sets the limit, for people.
struct MemoryLimit {
  double bytes = std::numeric_limits<double>::infinity();
  std::string what;
};

/// Of all processes of this job on this machine: RAM and swap, or the limit of the control group
/// (version 1 or 2) that this process is in.
MemoryLimit node_memory();

/// Of this process, beyond what it has already: `ulimit -v`.
MemoryLimit process_memory();

/// Throws InputError when `ulimit -v` leaves too little address space for the libraries to start
/// with: some of them do not end then (OpenBLAS #5289).
void check_address_space();

}  // namespace fedstrata
