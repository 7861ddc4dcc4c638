#pragma once
#include <cstddef>

namespace fedstrata::guarded {

// The memory of the guarded device: one file that is mapped twice. The host may neither read nor
// write at a tensor's address; kernels work on the second mapping. A host that touches device
// memory is told so, with a backtrace, before the process ends as by any other SIGSEGV.

/// New memory, every float in it NaN: what reads it before it is written shows. Throws Error when
/// there is no more.
void* allocate(std::size_t bytes);
/// Gives back what allocate() returned.
void release(void* address);

/// Where kernels find what lies at a device address.
void* kernel_address(void const* address);
/// Does a kernel's address lie in device memory?
bool is_kernel_address(void const* address);

}  // namespace fedstrata::guarded
