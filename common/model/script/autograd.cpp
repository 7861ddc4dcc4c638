#include "common/model/script/autograd.hpp"

#include <torch/types.h>

namespace fedstrata {
namespace {

c10::impl::LocalDispatchKeySet with_autograd(c10::impl::LocalDispatchKeySet keys) {
  keys.excluded_ = keys.excluded_ - c10::autograd_dispatch_keyset_with_ADInplaceOrView;
  return keys;
}

}  // namespace

Differentiation::Differentiation()
    : keys_(with_autograd(c10::impl::tls_local_dispatch_key_set())) {}

at::Tensor tracked(at::Tensor const& tensor) {
  return at::empty({0}, tensor.options())
      .set_(tensor.storage(), tensor.storage_offset(), tensor.sizes(), tensor.strides());
}

}  // namespace fedstrata
