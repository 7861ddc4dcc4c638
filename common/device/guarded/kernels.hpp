#pragma once
#include <ATen/core/Tensor.h>

namespace fedstrata::guarded {

/// While one lives, what its thread does is a kernel's work, which is not counted.
class InKernel {
 public:
  InKernel() { ++depth(); }
  ~InKernel() { --depth(); }
  InKernel(InKernel const&) = delete;
  InKernel& operator=(InKernel const&) = delete;
  static bool now() { return depth() > 0; }

 private:
  static int& depth() {
    thread_local int value = 0;
    return value;
  }
};

/// The same elements as a tensor of the CPU, whose kernels then work on device memory; a tensor of
/// the host, or none, as it is.
at::Tensor for_kernel(at::Tensor const& tensor);

}  // namespace fedstrata::guarded
