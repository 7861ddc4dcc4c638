#include "experiments/benchmarks/device_clock.hpp"

#include <torch/cuda.h>

#include <chrono>

namespace fedstrata::benchmarks {

Device make_device(Options const& options) {
  return Device(options.cuda ? DeviceChoice::cuda : DeviceChoice::cpu, 1, 0, 1);
}

double device_seconds(bool cuda) {
  if (!cuda) return processor_seconds();
  torch::cuda::synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace fedstrata::benchmarks
