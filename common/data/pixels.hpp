#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/device/device.hpp"

namespace fedstrata {

/// Pixels that an image is padded by before it is cropped to its own size.
inline constexpr std::int64_t kCropPadding = 4;

/// Where a cropped image takes its pixels from: source = target + offset, mirrored first if `flip`.
/// What lies outside is black. Offsets are from -kCropPadding to kCropPadding.
struct Crop {
  std::int64_t dy = 0, dx = 0;
  bool flip = false;

  /// Its place among all crops.
  std::int64_t number() const {
    constexpr auto kOffsets = 2 * kCropPadding + 1;
    return ((dy + kCropPadding) * kOffsets + dx + kCropPadding) * 2 + (flip ? 1 : 0);
  }
};

/// Samples to read, in order: their numbers and, where images are cropped, a crop for each. In host
/// memory, and as tensors int64 [B] on the device, crops by their number().
struct Picks {
  std::span<std::int64_t const> indices;
  std::span<Crop const> crops = {};
  at::Tensor indices_on_device, crops_on_device = {};
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
  /// Normalised images float32 [B, C, H, W] on the device, cropped where the picks have crops.
  virtual at::Tensor gather(Picks const& picks) const = 0;
};

/// Reads the bytes where they lie (they must outlive it), in one pass.
std::unique_ptr<Pixels const> pixels_in_host_memory(std::span<std::uint8_t const> bytes,
                                                    PixelForm form);
/// Copies the bytes to the device once; a batch is then a few operations there.
std::unique_ptr<Pixels const> pixels_on_device(std::span<std::uint8_t const> bytes, PixelForm form,
                                               Device const& device);

}  // namespace fedstrata
