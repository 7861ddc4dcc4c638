// The guarded device as LibTorch sees it: PrivateUse1, the device that is left to others. This file
// makes tensors on it, copies them and views them; operators.cpp has all other operators.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>
#include <torch/version.h>

#include <cstring>

#include "common/device/guarded/counters.hpp"
#include "common/device/guarded/kernels.hpp"
#include "common/device/guarded/memory.hpp"

#define FEDSTRATA_TORCH_FROM(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||        \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))
#if FEDSTRATA_TORCH_FROM(2, 1)
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/DeviceType.h>
#endif

namespace fedstrata::guarded {
namespace {

at::Device device() { return {at::kPrivateUse1, 0}; }

// --- What LibTorch asks of a device ------------------------------------------------------------

struct Allocator final : at::Allocator {
#if FEDSTRATA_TORCH_FROM(2, 3)
  at::DataPtr allocate(std::size_t bytes) override { return make(bytes); }
  void copy_data(void* to, void const* from, std::size_t bytes) const override {
    std::memcpy(kernel_address(to), kernel_address(from), bytes);
  }
#else
  at::DataPtr allocate(std::size_t bytes) const override { return make(bytes); }
#endif
  at::DeleterFnPtr raw_deleter() const override { return &release; }

  static at::DataPtr make(std::size_t bytes) {
    if (bytes == 0) return {nullptr, device()};
    void* const address = guarded::allocate(bytes);
    return {address, address, &release, device()};
  }
};

Allocator allocator;
REGISTER_ALLOCATOR(c10::DeviceType::PrivateUse1, &allocator);

/// One device with one stream, on which everything is done at once.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, device()); }
  c10::DeviceType type() const override { return c10::DeviceType::PrivateUse1; }
  c10::Device exchangeDevice(c10::Device) const override { return device(); }
  c10::Device getDevice() const override { return device(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
#if FEDSTRATA_TORCH_FROM(2, 6)
  c10::Stream getStream(c10::Device) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const override { return stream(); }
#else
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
#endif
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

#if FEDSTRATA_TORCH_FROM(2, 1)
struct Hooks final : at::PrivateUse1HooksInterface {
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  at::Generator const& getDefaultGenerator(c10::DeviceIndex) const override {
    static auto const generator = at::make_generator<at::CPUGeneratorImpl>();
    return generator;
  }
};
[[maybe_unused]] bool const registered = [] {
  c10::register_privateuse1_backend("guarded");  // a CUDA build would take CUDA to be the device
  at::RegisterPrivateUse1HooksInterface(new Hooks);
  return true;
}();
#endif

// --- Tensors and views -------------------------------------------------------------------------

#if FEDSTRATA_TORCH_FROM(2, 0)
template <class T>
using Optional = std::optional<T>;
#else
template <class T>
using Optional = c10::optional<T>;
#endif
constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef size, Optional<at::ScalarType> type, Optional<at::Layout>,
                 Optional<at::Device>, Optional<bool>, Optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &allocator, kKeys, c10::dtype_or_default(type), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         Optional<at::ScalarType> type, Optional<at::Layout>, Optional<at::Device>,
                         Optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &allocator, kKeys,
                                           c10::dtype_or_default(type));
}

at::Tensor as_strided(at::Tensor const& self, at::IntArrayRef size, at::IntArrayRef stride,
                      Optional<std::int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, size, stride, offset);
}

at::Tensor view(at::Tensor const& self, at::IntArrayRef size) {
  return at::native::view(self, size);
}

at::Tensor reshape_alias(at::Tensor const& self, at::IntArrayRef size, at::IntArrayRef stride) {
  return at::native::_reshape_alias(self, size, stride);
}

at::Tensor& set_storage(at::Tensor& self, at::Storage source, std::int64_t offset,
                        at::IntArrayRef size, at::IntArrayRef stride) {
  return at::native::set_storage_cpu_(self, std::move(source), offset, size, stride);
}

/// Of tensors without contents, or to no more elements than there are: outputs of kernels.
at::Tensor const& resize(at::Tensor const& self, at::IntArrayRef size, Optional<at::MemoryFormat>) {
  auto* const tensor = self.unsafeGetTensorImpl();
  auto elements = static_cast<std::size_t>(self.storage_offset());
  elements += static_cast<std::size_t>(c10::multiply_integers(size));
  auto const bytes = elements * self.element_size();
  auto const& storage = tensor->unsafe_storage();
  if (bytes > storage.nbytes()) {
    TORCH_CHECK(self.numel() == 0, "the guarded device lets no tensor with contents grow");
    storage.unsafeGetStorageImpl()->set_data_ptr(Allocator::make(bytes));
    storage.unsafeGetStorageImpl()->set_nbytes(bytes);
  }
  tensor->set_sizes_contiguous(size);
  return self;
}

// --- Copies ------------------------------------------------------------------------------------

/// What is not blocking is taken to be between pinned memory and the device: nobody waits for it.
void count_copy(at::Tensor const& from, at::Tensor const& to, bool non_blocking) {
  if (InKernel::now()) return;
  auto const bytes = static_cast<std::int64_t>(from.nbytes());
  if (!from.is_cpu() && !to.is_cpu()) return count_launch("copy_");
  if (from.is_cpu()) {
    count_upload(bytes);
  } else {
    count_download(bytes);
  }
  if (!non_blocking) count_synchronisation();
}

at::Tensor copy_from(at::Tensor const& from, at::Tensor const& to, bool non_blocking) {
  count_copy(from, to, non_blocking);
  InKernel const kernel;
  for_kernel(to).copy_(for_kernel(from));
  return to;
}

at::Tensor copy_from_and_resize(at::Tensor const& from, at::Tensor const& to) {
  InKernel const kernel;
  if (from.sizes() != to.sizes()) to.resize_(from.sizes());
  for_kernel(to).copy_(for_kernel(from));
  return to;
}

at::Scalar number(at::Tensor const& self) {
  if (!InKernel::now()) {
    count_download(static_cast<std::int64_t>(self.nbytes()));
    count_synchronisation();
  }
  InKernel const kernel;
  return for_kernel(self).item();
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("as_strided", as_strided);
  m.impl("view", view);
  m.impl("_reshape_alias", reshape_alias);
  m.impl("set_.source_Storage_storage_offset", set_storage);
  m.impl("resize_", resize);
  m.impl("_copy_from", copy_from);
  m.impl("_copy_from_and_resize", copy_from_and_resize);
  m.impl("_local_scalar_dense", number);
}

}  // namespace

at::Tensor for_kernel(at::Tensor const& tensor) {
  if (!tensor.defined() || tensor.is_cpu()) return tensor;
  auto const options = tensor.options().device(at::kCPU);
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), options);
  return at::from_blob(kernel_address(tensor.data_ptr()), tensor.sizes(), tensor.strides(),
                       options);
}

}  // namespace fedstrata::guarded
