#include "common/data/batches.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

namespace fedstrata {
namespace {

constexpr std::int64_t kPadding = 4;

std::vector<float> scales(DatasetInfo const& info) {
  std::vector<float> values;
  for (auto const deviation : info.std)
    values.push_back(static_cast<float>(1.0 / (255.0 * deviation)));
  return values;
}

std::vector<float> shifts(DatasetInfo const& info) {
  std::vector<float> values;
  for (std::size_t c = 0; c < info.mean.size(); ++c) {
    values.push_back(static_cast<float>(-info.mean[c] / info.std[c]));
  }
  return values;
}

/// Where a crop takes its pixels from: source = target + offset, mirrored first if `flip`.
struct Crop {
  std::int64_t dy = 0, dx = 0;
  bool flip = false;
};

void crop_plane(std::uint8_t const* in, std::int64_t height, std::int64_t width, Crop crop,
                float scale, float shift, float* out) {
  for (std::int64_t y = 0; y < height; ++y) {
    auto const row = y + crop.dy;
    bool const outside = row < 0 || row >= height;
    for (std::int64_t x = 0; x < width; ++x) {
      auto const mirrored = crop.flip ? width - 1 - x : x;
      auto const column = mirrored + crop.dx;
      bool const black = outside || column < 0 || column >= width;
      auto const pixel = black ? std::uint8_t{0} : in[row * width + column];
      out[y * width + x] = static_cast<float>(pixel) * scale + shift;
    }
  }
}

}  // namespace

Batches::Batches(DatasetInfo const& info, std::span<std::uint8_t const> pixels,
                 std::span<std::uint8_t const> labels, Device const& device)
    : info_(info),
      pixels_(pixels),
      labels_(labels),
      device_(&device),
      count_(static_cast<std::int64_t>(labels.size())),
      scale_(scales(info)),
      shift_(shifts(info)),
      store_(device, pixels, {count_, info.channels, info.height, info.width}, scale_, shift_) {}

std::vector<std::int64_t> Batches::class_counts() const {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(info_.classes), 0);
  for (auto const label : labels_) ++counts[label];
  return counts;
}

at::Tensor Batches::labels_at(std::span<std::int64_t const> indices) const {
  auto out = torch::empty({static_cast<std::int64_t>(indices.size())}, torch::kInt64);
  auto* const values = out.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    values[i] = labels_[static_cast<std::size_t>(indices[i])];
  }
  return device_->to_device(out);
}

Batch Batches::gather(std::span<std::int64_t const> indices) const {
  return {store_.gather(indices), labels_at(indices)};
}

Batch Batches::gather_augmented(std::span<std::int64_t const> indices, Random& random) const {
  auto images = torch::empty(
      {static_cast<std::int64_t>(indices.size()), info_.channels, info_.height, info_.width});
  auto* out = images.data_ptr<float>();
  auto const plane = info_.height * info_.width;
  for (auto const index : indices) {
    auto const offset = [&] { return static_cast<std::int64_t>(random.below(2 * kPadding + 1)); };
    Crop crop;
    crop.dy = offset() - kPadding;
    crop.dx = offset() - kPadding;
    crop.flip = random.below(2) == 1;
    for (std::int64_t c = 0; c < info_.channels; ++c, out += plane) {
      auto const channel = static_cast<std::size_t>(c);
      crop_plane(pixels_.data() + (index * info_.channels + c) * plane, info_.height, info_.width,
                 crop, scale_[channel], shift_[channel], out);
    }
  }
  return {device_->to_device(images), labels_at(indices)};
}

Batch Batches::range(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return gather(indices);
}

}  // namespace fedstrata
