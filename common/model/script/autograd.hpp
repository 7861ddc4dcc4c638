#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace fedstrata {

/// While it lives, autograd records, also inside code that runs without: Model leaves autograd's
/// dispatch keys out, the trainer is in inference mode. For models whose backward pass is not ours.
class Differentiation {
 public:
  Differentiation();

 private:
  c10::InferenceMode const mode_{false};
  c10::impl::ForceDispatchKeyGuard const keys_;
};

/// The same memory as a tensor that autograd can follow, whatever mode `tensor` was made in. To be
/// called while a Differentiation lives.
at::Tensor tracked(at::Tensor const& tensor);

}  // namespace fedstrata
