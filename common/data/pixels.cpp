#include "common/data/pixels.hpp"

#include <torch/types.h>

// Two ways to read a batch of images: a loop over bytes, a tenth of the cost of tensor operations
// in host memory, and tensor operations for devices whose memory no loop of ours may touch. Both
// see the same crops, drawn on the host from numbers keyed by client and round.

namespace fedstrata {
namespace {

constexpr std::int64_t kOffsets = 2 * kCropPadding + 1;

/// The column or row that a target's comes from; may lie outside of 0 .. size - 1.
std::int64_t source(std::int64_t target, std::int64_t size, std::int64_t offset, bool flip) {
  return (flip ? size - 1 - target : target) + offset;
}

class HostPixels : public Pixels {
 public:
  HostPixels(std::span<std::uint8_t const> bytes, PixelForm form)
      : bytes_(bytes), form_(std::move(form)) {}

  at::Tensor gather(Picks const& picks) const override {
    auto images =
        torch::empty({std::ssize(picks.indices), form_.channels, form_.height, form_.width});
    auto* out = images.data_ptr<float>();
    auto const plane = static_cast<std::size_t>(form_.height * form_.width);
    auto const channels = static_cast<std::size_t>(form_.channels);
    for (std::size_t i = 0; i < picks.indices.size(); ++i) {
      auto const image = static_cast<std::size_t>(picks.indices[i]) * channels * plane;
      for (std::size_t c = 0; c < channels; ++c, out += plane) {
        auto const in = bytes_.subspan(image + c * plane, plane);
        if (picks.crops.empty()) {
          kernels::normalize(in, form_.scale[c], form_.shift[c], {out, plane});
        } else {
          crop_plane(in.data(), picks.crops[i], form_.scale[c], form_.shift[c], out);
        }
      }
    }
    return images;
  }

 private:
  void crop_plane(std::uint8_t const* in, Crop crop, float scale, float shift, float* out) const {
    auto const height = form_.height, width = form_.width;
    for (std::int64_t y = 0; y < height; ++y) {
      auto const row = y + crop.dy;
      bool const outside = row < 0 || row >= height;
      for (std::int64_t x = 0; x < width; ++x) {
        auto const column = source(x, width, crop.dx, crop.flip);
        bool const black = outside || column < 0 || column >= width;
        auto const pixel = black ? std::uint8_t{0} : in[row * width + column];
        out[y * width + x] = static_cast<float>(pixel) * scale + shift;
      }
    }
  }

  std::span<std::uint8_t const> bytes_;
  PixelForm form_;
};

/// Every plane has a black pixel behind its last, and every crop is a row of a table that says for
/// each pixel which one of the plane it is: cropping is then one gather.
class DevicePixels : public Pixels {
 public:
  DevicePixels(std::span<std::uint8_t const> bytes, PixelForm form, Device const& device)
      : form_(std::move(form)), size_(form_.height * form_.width) {
    auto const planes = torch::from_blob(const_cast<std::uint8_t*>(bytes.data()),
                                         {form_.count, form_.channels, size_}, torch::kUInt8);
    planes_ = at::constant_pad_nd(device.to_device(planes), {0, 1}, 0);
    scale_ = device.to_device(torch::tensor(form_.scale).view({1, -1, 1}));
    shift_ = device.to_device(torch::tensor(form_.shift).view({1, -1, 1}));
    sources_ = device.to_device(crop_table());
  }

  at::Tensor gather(Picks const& picks) const override {
    auto planes = planes_.index_select(0, picks.indices_on_device);
    if (picks.crops.empty()) {
      planes = planes.narrow(2, 0, size_);
    } else {
      auto const sources = sources_.index_select(0, picks.crops_on_device).unsqueeze(1);
      planes = planes.gather(2, sources.expand({-1, form_.channels, -1}));
    }
    return at::addcmul(shift_, planes, scale_)  // bytes become floats on the way
        .view({-1, form_.channels, form_.height, form_.width});
  }

 private:
  at::Tensor crop_table() const {
    auto table = torch::empty({kOffsets * kOffsets * 2, size_}, torch::kInt64);
    auto* out = table.data_ptr<std::int64_t>();
    for (std::int64_t dy = -kCropPadding; dy <= kCropPadding; ++dy)
      for (std::int64_t dx = -kCropPadding; dx <= kCropPadding; ++dx)
        for (bool const flip : {false, true})
          for (std::int64_t y = 0; y < form_.height; ++y)
            for (std::int64_t x = 0; x < form_.width; ++x) {
              auto const row = y + dy, column = source(x, form_.width, dx, flip);
              bool const black =
                  row < 0 || row >= form_.height || column < 0 || column >= form_.width;
              *out++ = black ? size_ : row * form_.width + column;
            }
    return table;
  }

  PixelForm form_;
  std::int64_t size_;  ///< pixels of a plane
  at::Tensor planes_;  ///< bytes [N, C, size + 1]
  at::Tensor scale_, shift_;
  at::Tensor sources_;  ///< int64 [crops, size], by the crop's number
};

}  // namespace

std::unique_ptr<Pixels const> pixels_in_host_memory(std::span<std::uint8_t const> bytes,
                                                    PixelForm form) {
  return std::make_unique<HostPixels>(bytes, std::move(form));
}

std::unique_ptr<Pixels const> pixels_on_device(std::span<std::uint8_t const> bytes, PixelForm form,
                                               Device const& device) {
  return std::make_unique<DevicePixels>(bytes, std::move(form), device);
}

}  // namespace fedstrata
