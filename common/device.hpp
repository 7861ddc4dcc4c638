#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

#include "common/config.hpp"

namespace fedstrata {

/// The device and threads a computing rank uses. The one place that knows CPU from GPU: everything
/// else calls the functions of this file.
class Device {
 public:
  /// `node_index`: index of this rank among the computing ranks of its node; `threads` as in
  /// run.threads (0 = share of the affinity mask among `ranks_on_node`). Sets the thread counts of
  /// ATen and of the BLAS behind it. Throws InputError when `choice` is cuda and there is none.
  Device(DeviceChoice choice, int threads, int node_index, int ranks_on_node);

  bool is_cpu() const { return cpu_; }
  int threads() const { return threads_; }
  /// "cpu, 1 thread" or "cuda:0 (name)".
  std::string describe() const;

  /// Uninitialised float32 row of n elements on the device.
  at::Tensor row(std::int64_t n) const;
  /// Zeroed float32 row.
  at::Tensor zeros(std::int64_t n) const;
  /// Copies a host row to/from a device row (same length).
  void upload(std::span<float const> host, at::Tensor& row) const;
  void download(at::Tensor const& row, std::span<float> host) const;
  /// Host memory of a row without a copy on the CPU; on a GPU a copy in `staging` (pinned, grown
  /// when too small).
  std::span<float const> host_view(at::Tensor const& row, at::Tensor& staging) const;
  /// A host tensor as it is, or its copy on the device.
  at::Tensor to_device(at::Tensor const& host) const;

 private:
  bool cpu_ = true;
  int index_ = 0;
  int threads_ = 1;
  std::string name_;
};

/// Name and version of the BLAS in use; `reference` when it is the slow reference BLAS.
struct BlasInfo {
  std::string name;
  bool reference = false;
};
BlasInfo blas_info();

/// Instruction set and model name of this CPU, e.g. "AMD EPYC (AVX512)".
std::string cpu_kind();

/// What a fused optimizer step needs beside the rows.
struct SgdStep {
  double lr = 0.0;
  double momentum = 0.0;
  bool nesterov = false;
  double weight_decay = 0.0;
};

/// weights, momentum and gradient are rows of equal length; one pass over memory.
/// v = momentum * v + (g + weight_decay * w);  w -= lr * (nesterov ? g + weight_decay * w + momentum * v : v).
void sgd_update(at::Tensor& weights, at::Tensor& momentum, at::Tensor const& gradient,
                SgdStep const& step);
/// The same where `momentum` already holds momentum * v + g (no Nesterov): adds weight decay and
/// moves the weights.
void sgd_apply(at::Tensor& weights, at::Tensor& momentum, SgdStep const& step);

/// out[i] = w + alpha (w' - w) for alpha < 1/2, w' - (1 - alpha)(w' - w) otherwise: ends and equal
/// weights are exact (design of the barrier engine). Rows of equal length.
void interpolate(at::Tensor const& a, at::Tensor const& b, double alpha, at::Tensor& out);

/// Images [n, C, H, W] float32, normalised: (pixel / 255 - mean) / std per channel, gathered from
/// `pixels` uint8 [N, C, H, W] at `indices` (int64 on the host). `scale`, `shift`: float32 [C] with
/// value = pixel * scale + shift.
at::Tensor gather_images(at::Tensor const& pixels, std::span<std::int64_t const> indices,
                         std::span<float const> scale, std::span<float const> shift);

}  // namespace fedstrata
