#include "common/device/device.hpp"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "common/base/error.hpp"

// What LibTorch does not settle by itself: threads of the BLAS behind it, freed memory that is
// kept, deterministic kernels on a GPU. Results depend on all but the memory, so it is settled
// once, from the configuration.

namespace fedstrata {
namespace {

/// Bytes of a tensor that is worth copying to pinned memory, from where no transfer is waited for.
constexpr std::size_t kSmall = 1 << 20;

int cores_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/// at::set_num_threads leaves OpenBLAS at its own count, so its setter is looked up at run time.
void set_blas_threads(int threads) {
  using Setter = void (*)(int);
  if (auto* const setter = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<Setter>(setter)(threads);
  }
}

/// Activations of up to 32 MB (the most glibc allows here) come from memory freed before, not from
/// fresh pages of the kernel: page faults cost a fifth of a training step of `cnn`, batch 64.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

void multiply_in_tf32(bool on) {
  at::globalContext().setAllowTF32CuBLAS(on);
  at::globalContext().setAllowTF32CuDNN(on);
}

std::span<float> floats(at::Tensor const& row) {
  return {row.data_ptr<float>(), static_cast<std::size_t>(row.numel())};
}

at::Device pick(DeviceChoice choice, int node_index) {
  if (choice == DeviceChoice::guarded) {
    // LibTorch's device that others may bring; only the guarded device of ours is linked.
    require_input(c10::impl::hasDeviceGuardImpl(at::kPrivateUse1),
                  "run.device = guarded, but this program has no guarded device: "
                  "bin/fedstrata_guarded of a build with -DFEDSTRATA_TESTS=ON has one; set "
                  "run.device = auto, cpu or cuda");
    return {at::kPrivateUse1, 0};
  }
  bool const available = torch::cuda::is_available();
  require_input(
      choice != DeviceChoice::cuda || available,
      "run.device = cuda, but LibTorch sees no CUDA device; set run.device = auto or cpu");
  if (choice == DeviceChoice::cpu || !available) return at::kCPU;
  auto const index = node_index % static_cast<int>(torch::cuda::device_count());
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

}  // namespace

Device::Device(DeviceChoice choice, int threads, int node_index, int ranks_on_node)
    : device_(pick(choice, node_index)) {
  if (device_.is_cuda()) {
    // cuBLAS reads this when it starts; without it, its products are not the same in every run.
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    multiply_in_tf32(false);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
  }
  threads_ = threads > 0 ? threads : std::max(1, cores_allowed() / std::max(1, ranks_on_node));
  at::set_num_threads(threads_);
  set_blas_threads(threads_);
  keep_freed_memory();
}

std::string Device::describe() const {
  auto const name = device_.is_cpu()    ? "cpu"
                    : device_.is_cuda() ? "cuda:" + std::to_string(device_.index())
                                        : "guarded";
  return name + ", " + std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads");
}

std::string Device::bus_id() const {
  using Query = int (*)(char*, int, int);
  auto* const query = device_.is_cuda() ? dlsym(RTLD_DEFAULT, "cudaDeviceGetPCIBusId") : nullptr;
  char text[32] = {};
  if (query == nullptr || reinterpret_cast<Query>(query)(text, sizeof text, device_.index()) != 0)
    return "";
  return text;
}

bool Device::has_tf32() const {
  using Query = int (*)(int*, int, int);
  constexpr int kComputeCapabilityMajor = 75, kAmpere = 8;
  auto* const query = device_.is_cuda() ? dlsym(RTLD_DEFAULT, "cudaDeviceGetAttribute") : nullptr;
  int major = 0;
  return query != nullptr &&
         reinterpret_cast<Query>(query)(&major, kComputeCapabilityMajor, device_.index()) == 0 &&
         major >= kAmpere;
}

at::Tensor Device::row(std::int64_t n) const {
  return torch::empty({n}, torch::TensorOptions().dtype(torch::kFloat32).device(device_));
}

at::Tensor Device::zeros(std::int64_t n) const {
  return torch::zeros({n}, torch::TensorOptions().dtype(torch::kFloat32).device(device_));
}

void Device::upload(std::span<float const> host, at::Tensor row) const {
  require(static_cast<std::int64_t>(host.size()) == row.numel(), "upload: rows differ in length");
  row.copy_(torch::from_blob(const_cast<float*>(host.data()), {row.numel()}, torch::kFloat32));
}

std::span<float const> Device::host_view(at::Tensor const& row, at::Tensor& staging) const {
  if (is_host()) return floats(row);
  if (!staging.defined() || staging.numel() < row.numel()) {
    // Made inside inference mode, it could not be written outside of it (when a state is saved).
    c10::InferenceMode const plain(false);
    auto const options = torch::TensorOptions(torch::kFloat32);
    staging = torch::empty({row.numel()}, options.pinned_memory(device_.is_cuda()));
  }
  auto part = staging.narrow(0, 0, row.numel());
  part.copy_(row);
  return floats(part);
}

at::Tensor Device::to_device(at::Tensor const& host) const {
  if (is_host()) return host;
  bool const small = host.nbytes() <= kSmall;
  bool const pinned = small && device_.is_cuda();  // the only device with pinned memory
  return (pinned ? host.pin_memory() : host).to(device_, host.scalar_type(), small);
}

ProductsInTf32::ProductsInTf32(bool on) { multiply_in_tf32(on); }
ProductsInTf32::~ProductsInTf32() { multiply_in_tf32(false); }

bool in_host_memory(at::Tensor const& tensor) { return tensor.is_cpu(); }

BlasInfo blas_info() {
  using Description = char* (*)();
  if (auto* const config = dlsym(RTLD_DEFAULT, "openblas_get_config")) {
    return {reinterpret_cast<Description>(config)(), false};
  }
  if (at::hasMKL()) return {"MKL", false};
  Dl_info where{};
  auto* const sgemm = dlsym(RTLD_DEFAULT, "sgemm_");
  if (sgemm != nullptr && dladdr(sgemm, &where) != 0) {
    std::string const file = where.dli_fname;
    // Debian's reference BLAS is libblas.so.3 itself; optimised ones carry their name.
    return {file, file.find("libblas.so") != std::string::npos};
  }
  return {"built into LibTorch", false};
}

std::string cpu_kind() {
  std::ifstream info("/proc/cpuinfo");
  std::string name = "unknown CPU";
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      name = line.substr(line.find(':') + 2);
      break;
    }
  }
#if defined(__x86_64__)
  char const* const vectors = __builtin_cpu_supports("avx512f") ? "AVX512"
                              : __builtin_cpu_supports("avx2")  ? "AVX2"
                                                                : "SSE";
  return name + " (" + vectors + ")";
#else
  return name;
#endif
}

void sgd_update(at::Tensor weights, at::Tensor momentum, at::Tensor const& gradient,
                SgdStep const& step) {
  if (weights.is_cpu()) {
    if (weights.dim() == 1)
      return kernels::sgd_update(floats(weights), floats(momentum), floats(gradient), step);
    for (std::int64_t i = 0; i < weights.size(0); ++i)
      sgd_update(weights[i], momentum[i], gradient[i], step);
    return;
  }
  auto const full = step.weight_decay == 0.0 ? gradient : gradient.add(weights, step.weight_decay);
  momentum.mul_(step.momentum).add_(full);
  if (step.nesterov) {
    weights.sub_(full.add(momentum, step.momentum), step.lr);
  } else {
    weights.sub_(momentum, step.lr);
  }
}

void sgd_apply(at::Tensor weights, at::Tensor momentum, SgdStep const& step) {
  if (weights.is_cpu()) {
    if (weights.dim() == 1) return kernels::sgd_apply(floats(weights), floats(momentum), step);
    for (std::int64_t i = 0; i < weights.size(0); ++i) sgd_apply(weights[i], momentum[i], step);
    return;
  }
  if (step.weight_decay != 0.0) momentum.add_(weights, step.weight_decay);
  weights.sub_(momentum, step.lr);
}

void adam_update(at::Tensor weights, at::Tensor mean, at::Tensor square, at::Tensor const& gradient,
                 AdamStep const& step) {
  if (weights.is_cpu()) {
    kernels::adam_update(floats(weights), floats(mean), floats(square), floats(gradient), step);
    return;
  }
  bool const decays = step.weight_decay != 0.0;
  auto const full = step.decoupled || !decays ? gradient : gradient.add(weights, step.weight_decay);
  mean.mul_(step.beta1).add_(full, 1.0 - step.beta1);
  square.mul_(step.beta2).addcmul_(full, full, 1.0 - step.beta2);
  auto const scale = 1.0 / std::sqrt(1.0 - std::pow(step.beta2, step.steps));
  auto const rate = step.lr / (1.0 - std::pow(step.beta1, step.steps));
  if (step.decoupled && decays) weights.mul_(1.0 - step.lr * step.weight_decay);
  weights.addcdiv_(mean, square.sqrt().mul_(scale).add_(step.eps), -rate);
}

void add_difference(at::Tensor row, double factor, at::Tensor const& a, at::Tensor const& b) {
  if (row.is_cpu()) {
    kernels::add_difference(floats(row), factor, floats(a), floats(b));
    return;
  }
  row.add_(a.sub(b), factor);
}

namespace {

double host_norm(at::Tensor const& row) {
  std::span<float const> const values = floats(row);
  return std::sqrt(kernels::pair_sums(values, values).aa);
}

}  // namespace

void clip_norm(at::Tensor row, double limit) {
  constexpr double kAboveZero = 1e-6;  // PyTorch's
  if (!row.is_cpu()) {                 // without asking the device for the norm
    row.mul_(
        at::norm(row, 2, at::kDouble).add_(kAboveZero).reciprocal_().mul_(limit).clamp_max_(1.0));
    return;
  }
  double const factor = limit / (host_norm(row) + kAboveZero);
  if (!(factor >= 1.0)) row.mul_(factor);
}

void add_along(at::Tensor row, double length, at::Tensor const& direction) {
  constexpr double kAboveZero = 1e-12;
  if (row.is_cpu()) {
    row.add_(direction, length / (host_norm(direction) + kAboveZero));
  } else {
    row.addcmul_(direction, at::norm(direction, 2, at::kDouble)
                                .add_(kAboveZero)
                                .reciprocal_()
                                .mul_(length)
                                .to(row.scalar_type()));
  }
}

at::Tensor interpolate(at::Tensor const& a, at::Tensor const& b, double alpha) {
  auto out = at::empty_like(a);
  bool const plain = a.is_cpu() && a.is_contiguous() && b.is_contiguous();
  if (plain) {
    kernels::interpolate(floats(a), floats(b), alpha, floats(out));
  } else if (alpha < 0.5) {
    at::lerp_out(out, a, b, alpha);
  } else {
    at::lerp_out(out, b, a, 1.0 - alpha);
  }
  return out;
}

}  // namespace fedstrata
