#pragma once
#include "common/device/device.hpp"
#include "experiments/benchmarks/timing.hpp"

namespace fedstrata::benchmarks {

/// One thread of the CPU, or the GPU where the command line asks for it.
Device make_device(Options const& options);

/// Processor time on the CPU; on a GPU the time by which it has done all it was asked to do.
double device_seconds(bool cuda);

}  // namespace fedstrata::benchmarks
