#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/device/kernels.hpp"

namespace fedstrata {

/// The device and threads a computing rank uses: the CPU, a GPU, or for tests the guarded device
/// (guarded/). They are told apart in this file's functions, which everything else calls; a few
/// operations and tasks ask in_host_memory() for a plain loop.
class Device {
 public:
  /// `node_index`: index of this rank among the computing ranks of its node; `threads` as in
  /// run.threads (0 = share of the affinity mask among `ranks_on_node`). Sets the thread counts of
  /// ATen and of the BLAS behind it, and has the process keep the memory it frees. Throws
  /// InputError when `choice` is cuda or guarded and there is none.
  Device(DeviceChoice choice, int threads, int node_index, int ranks_on_node);

  int threads() const { return threads_; }
  /// "cpu, 1 thread" or "cuda:0 (name)".
  std::string describe() const;
  /// PCI address of the GPU, by which two ranks know that they share it; empty on the CPU.
  std::string bus_id() const;

  /// Uninitialised float32 row of n elements on the device.
  at::Tensor row(std::int64_t n) const;
  /// Zeroed float32 row.
  at::Tensor zeros(std::int64_t n) const;
  /// Copies a host row into a device row of the same length.
  void upload(std::span<float const> host, at::Tensor row) const;
  /// Host memory of a row without a copy on the CPU; on a GPU a copy in `staging` (pinned, grown
  /// when too small).
  std::span<float const> host_view(at::Tensor const& row, at::Tensor& staging) const;
  /// Do rows live in this process's memory?
  bool is_host() const { return device_.is_cpu(); }
  /// Can it multiply in TF32 (factors rounded to 10 bits of mantissa, sums in float32)? GPUs from
  /// NVIDIA's Ampere on can.
  bool has_tf32() const;
  /// A host tensor as it is, or its copy on the device. What is small goes up beside the work
  /// there, without waiting for it; `host` may be changed or freed at once all the same.
  at::Tensor to_device(at::Tensor const& host) const;

 private:
  at::Device device_;
  int threads_ = 1;
};

/// While it lives, matrices and convolutions on a GPU are multiplied in TF32 if `on`, else in
/// float32 like everything else. One at a time.
class ProductsInTf32 {
 public:
  explicit ProductsInTf32(bool on);
  ~ProductsInTf32();
  ProductsInTf32(ProductsInTf32 const&) = delete;
  ProductsInTf32& operator=(ProductsInTf32 const&) = delete;
};

/// Do a tensor's elements lie in this process's memory, where a plain loop can read them?
bool in_host_memory(at::Tensor const& tensor);

/// Name and version of the BLAS in use; `reference` when it is the slow reference BLAS.
struct BlasInfo {
  std::string name;
  bool reference = false;
};
BlasInfo blas_info();

/// Instruction set and model name of this CPU, e.g. "AMD EPYC (AVX512)".
std::string cpu_kind();

/// kernels::sgd_update on rows of equal length, or on matrices row by row, on any device.
void sgd_update(at::Tensor weights, at::Tensor momentum, at::Tensor const& gradient,
                SgdStep const& step);
/// kernels::sgd_apply on rows of equal length, or on matrices row by row, on any device.
void sgd_apply(at::Tensor weights, at::Tensor momentum, SgdStep const& step);
/// kernels::adam_update on rows of equal length on any device.
void adam_update(at::Tensor weights, at::Tensor mean, at::Tensor square, at::Tensor const& gradient,
                 AdamStep const& step);
/// kernels::add_difference on rows of equal length on any device.
void add_difference(at::Tensor row, double factor, at::Tensor const& a, at::Tensor const& b);
/// Shortens a row to the Euclidean norm `limit` where it is longer, as
/// torch.nn.utils.clip_grad_norm_ does, on any device. The norm is summed in double.
void clip_norm(at::Tensor row, double limit);
/// row += length * direction / |direction|, on any device; nothing for a direction of zeros.
void add_along(at::Tensor row, double length, at::Tensor const& direction);

/// kernels::interpolate on rows (any contiguous tensors of equal size) on any device; a new tensor.
at::Tensor interpolate(at::Tensor const& a, at::Tensor const& b, double alpha);

}  // namespace fedstrata
