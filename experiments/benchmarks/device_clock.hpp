#pragma once
#include <torch/cuda.h>

#include <chrono>

#include "common/device/device.hpp"
#include "experiments/benchmarks/timing.hpp"

namespace fedstrata::benchmarks {

inline Device make_device(Options const& options) {
  return Device(options.cuda ? DeviceChoice::cuda : DeviceChoice::cpu, 1, 0, 1);
}

/// Processor time on the CPU; on a GPU the time by which it has done all it was asked to do.
inline double device_seconds(bool cuda) {
  if (!cuda) return processor_seconds();
  torch::cuda::synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace fedstrata::benchmarks
