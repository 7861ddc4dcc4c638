#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/device/device.hpp"

namespace fedstrata {

/// Numbers of samples, in host memory and as a tensor int64 [B] on the device.
struct Picks {
  std::span<std::int64_t const> indices;
  at::Tensor on_device;
};

/// Pixels that an image is padded by before it is cropped to its own size.
inline constexpr std::int64_t kCropPadding = 4;

/// Where a cropped image takes its pixels from: source = target + offset, mirrored first if `flip`.
/// What lies outside is black. Offsets are from -kCropPadding to kCropPadding.
struct Crop {
  std::int64_t dy = 0, dx = 0;
  bool flip = false;
};

/// What images lie in memory as, and what a pixel's value becomes: pixel * scale[c] + shift[c].
struct PixelForm {
  std::int64_t count, channels, height, width;
  std::vector<float> scale, shift;
};

/// Images as bytes [N, C, H, W] that batches are read from.
class Pixels {
 public:
  virtual ~Pixels() = default;
  /// Normalised images float32 [B, C, H, W] on the device, cropped where `crops` (one a pick) are
  /// given.
  virtual at::Tensor gather(Picks const& picks, std::span<Crop const> crops) const = 0;
};

/// Reads the bytes where they lie (they must outlive it), in one pass.
std::unique_ptr<Pixels const> pixels_in_host_memory(std::span<std::uint8_t const> bytes,
                                                    PixelForm form);
/// Copies the bytes to the device once; a batch is then a few operations there.
std::unique_ptr<Pixels const> pixels_on_device(std::span<std::uint8_t const> bytes, PixelForm form,
                                               Device const& device);

}  // namespace fedstrata
