// Every operator of the guarded device that backend.cpp does not have: the CPU's kernel, run on
// device memory itself. (LibTorch's own fallback runs it on copies, and loses what a kernel writes
// without its schema saying so, such as the running statistics of native_batch_norm.)
#include <ATen/ATen.h>
#include <torch/library.h>
#include <torch/version.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "common/device/guarded/counters.hpp"
#include "common/device/guarded/kernels.hpp"
#include "common/device/guarded/memory.hpp"

namespace fedstrata::guarded {
namespace {

using torch::jit::Stack;

/// Tensors of host and device together are refused, as CUDA does; numbers (tensors without
/// dimensions) of the host go with the device's.
void check_devices(c10::OperatorHandle const& op, Stack const& stack) {
  bool device = false, host = false;
  auto const see = [&](at::Tensor const& tensor) {
    if (!tensor.defined()) return;
    device = device || !tensor.is_cpu();
    host = host || (tensor.is_cpu() && tensor.dim() > 0);
  };
  for (auto const& value : torch::jit::last(stack, op.schema().arguments().size())) {
    if (value.isTensor()) see(value.toTensor());
    if (!value.isList()) continue;
    for (c10::IValue const& one : value.toListRef()) {
      if (one.isTensor()) see(one.toTensor());
    }
  }
  TORCH_CHECK(!device || !host, "guarded device: ", op.schema().name(),
              " is given tensors of both host and device");
}

/// A call of the CPU's kernel in place of the device's.
class KernelCall {
 public:
  KernelCall(c10::OperatorHandle const& op, Stack& stack)
      : schema_(op.schema()), own_(schema_.arguments().size()), shadows_(own_.size()) {
    for (std::size_t i = 0; i < own_.size(); ++i) to_cpu(i, stack[stack.size() - own_.size() + i]);
    op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), &stack);
    for (std::size_t i = 0; i < own_.size(); ++i) follow_size(i);
    auto const results = schema_.returns().size();
    for (std::size_t r = 0; r < results; ++r) to_device(r, stack[stack.size() - results + r]);
  }

 private:
  void to_cpu(std::size_t i, c10::IValue& value) {
    if (value.isTensor()) {
      own_[i] = value.toTensor();
      value = shadows_[i] = for_kernel(own_[i]);
    } else if (value.isTensorList()) {
      auto tensors = value.toTensorVector();
      for (auto& tensor : tensors) tensor = for_kernel(tensor);
      value = c10::List<at::Tensor>(tensors);
    } else if (value.isList()) {
      // Indices: tensors, some of which may be absent.
      auto const list = value.toList();
      if (list.elementType()->kind() != c10::TypeKind::OptionalType) return;
      auto const copy = list.copy();
      for (std::size_t k = 0; k < copy.size(); ++k) {
        c10::IValue const one = copy.get(k);
        if (one.isTensor()) copy.set(k, for_kernel(one.toTensor()));
      }
      value = copy;
    } else if (value.isDevice()) {
      value = at::Device(at::kCPU);
    }
  }

  /// An output to which the kernel gave another size.
  void follow_size(std::size_t i) {
    auto const* const alias = schema_.arguments()[i].alias_info();
    auto const& own = own_[i];
    if (alias == nullptr || !alias->isWrite() || !own.defined() || own.is_cpu()) return;
    if (own.sizes() == shadows_[i].sizes() && own.numel() > 0) return;
    own.resize_(shadows_[i].sizes());
    if (own.numel() > 0) for_kernel(own).copy_(shadows_[i]);
  }

  void to_device(std::size_t r, c10::IValue& value) {
    if (!value.isTensor() || !value.toTensor().defined()) return;
    auto const result = value.toTensor();
    auto const same = std::ranges::find_if(
        shadows_, [&](auto const& shadow) { return shadow.defined() && shadow.is_same(result); });
    if (same != shadows_.end()) {
      value = own_[static_cast<std::size_t>(same - shadows_.begin())];
      return;
    }
    auto const* const alias = schema_.returns()[r].alias_info();
    TORCH_CHECK(alias == nullptr || !is_kernel_address(result.data_ptr()),
                "guarded device: ", schema_.name(),
                " returns a view, which common/device/guarded/ does not know");
    auto const own = at::empty_strided(result.sizes(), result.strides(),
                                       result.options().device(at::Device(at::kPrivateUse1, 0)));
    if (result.numel() > 0) for_kernel(own).copy_(result);
    value = own;
  }

  c10::FunctionSchema const& schema_;
  std::vector<at::Tensor> own_, shadows_;  ///< the arguments that are tensors, and for kernels
};

/// On a GPU the host waits for what is no tensor, and for tensors whose size follows from values.
bool is_waited_for(std::string const& name, c10::FunctionSchema const& schema) {
  constexpr std::array kSizedByValues = {"nonzero",  "masked_select", "_unique",
                                         "_unique2", "unique_dim",    "unique_consecutive"};
  return std::ranges::find(kSizedByValues, name) != kSizedByValues.end() ||
         std::ranges::any_of(schema.returns(), [](auto const& result) {
           return result.type()->kind() != c10::TypeKind::TensorType;
         });
}

void count(c10::OperatorHandle const& op) {
  if (InKernel::now()) return;
  auto const& schema = op.schema();
  auto const name = schema.name().substr(std::string("aten::").size());
  auto const& overload = schema.overload_name();
  count_launch(overload.empty() ? name : name + "." + overload);
  if (is_waited_for(name, schema)) count_synchronisation();
}

void run(c10::OperatorHandle const& op, Stack* stack) {
  check_devices(op, *stack);
  count(op);
  InKernel const kernel;
  KernelCall(op, *stack);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  // CUDA has kernels for these; other devices are given several operators, or an error.
  for (auto const* const name :
       {"convolution", "convolution_backward", "native_group_norm", "native_group_norm_backward",
        "native_layer_norm", "_foreach_zero_", "_foreach_mul_.Scalar", "_foreach_add_.List"}) {
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&run>());
  }
}
TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&run>());
}

}  // namespace
}  // namespace fedstrata::guarded
