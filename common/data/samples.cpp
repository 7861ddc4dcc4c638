#include "common/data/samples.hpp"

#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include "common/base/error.hpp"

// Samples stay as bytes, as their files have them, and become floats batch by batch: four times
// less memory, and converting while gathering costs no second pass. What a batch holds follows from
// indices and random numbers that are keyed by client and round, never from the batches before.

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

class SampleReader {
 public:
  virtual ~SampleReader() = default;
  virtual at::Tensor gather(std::span<std::int64_t const> indices) const = 0;
};

namespace {

class PixelReader : public SampleReader {
 public:
  PixelReader(DatasetInfo const& info, SplitView split, std::int64_t count, Device const& device)
      : store_(device, split.inputs, {count, info.shape[0], info.shape[1], info.shape[2]},
               scales(info), shifts(info)) {}

  at::Tensor gather(std::span<std::int64_t const> indices) const override {
    return store_.gather(indices);
  }

 private:
  PixelStore store_;
};

class LabelReader : public SampleReader {
 public:
  LabelReader(std::span<std::uint8_t const> labels, Device const& device)
      : labels_(labels), device_(&device) {}

  at::Tensor gather(std::span<std::int64_t const> indices) const override {
    auto out = torch::empty({static_cast<std::int64_t>(indices.size())}, torch::kInt64);
    auto* const values = out.data_ptr<std::int64_t>();
    for (std::size_t i = 0; i < indices.size(); ++i) {
      values[i] = labels_[static_cast<std::size_t>(indices[i])];
    }
    return device_->to_device(out);
  }

 private:
  std::span<std::uint8_t const> labels_;
  Device const* device_;
};

/// Rows of float32 numbers; (x - mean) / std of each column where those are given.
class NumberReader : public SampleReader {
 public:
  NumberReader(std::span<std::uint8_t const> bytes, std::vector<std::int64_t> const& shape,
               std::vector<double> const& mean, std::vector<double> const& std,
               Device const& device)
      : device_(&device) {
    auto* const data = const_cast<std::uint8_t*>(bytes.data());
    rows_ = device.to_device(torch::from_blob(data, shape, torch::kFloat32));
    if (mean.empty()) return;
    auto const scale = torch::tensor(std).reciprocal();
    scale_ = device.to_device(scale.to(torch::kFloat32));
    shift_ = device.to_device((-torch::tensor(mean) * scale).to(torch::kFloat32));
  }

  at::Tensor gather(std::span<std::int64_t const> indices) const override {
    auto const on_host =
        torch::from_blob(const_cast<std::int64_t*>(indices.data()),
                         {static_cast<std::int64_t>(indices.size())}, torch::kInt64);
    auto rows = rows_.index_select(0, device_->to_device(on_host));
    return scale_.defined() ? rows.mul_(scale_).add_(shift_) : rows;
  }

 private:
  Device const* device_;
  at::Tensor rows_, scale_, shift_;
};

std::unique_ptr<SampleReader const> input_reader(DatasetInfo const& info, SplitView split,
                                                 std::int64_t count, Device const& device) {
  if (info.inputs == Inputs::pixels) {
    return std::make_unique<PixelReader>(info, split, count, device);
  }
  return std::make_unique<NumberReader>(split.inputs, std::vector{count, info.input_size()},
                                        info.mean, info.std, device);
}

std::unique_ptr<SampleReader const> target_reader(DatasetInfo const& info, SplitView split,
                                                  std::int64_t count, Device const& device) {
  if (info.targets == Targets::labels) {
    return std::make_unique<LabelReader>(split.targets, device);
  }
  return std::make_unique<NumberReader>(split.targets, std::vector{count, info.outputs},
                                        std::vector<double>(), std::vector<double>(), device);
}

}  // namespace

Samples::Samples(DatasetInfo const& info, SplitView split, Device const& device)
    : info_(info),
      split_(split),
      device_(&device),
      count_(std::ssize(split.targets) / info.target_bytes()),
      inputs_(input_reader(info, split, count_, device)),
      targets_(target_reader(info, split, count_, device)) {}

Samples::~Samples() = default;
Samples::Samples(Samples&&) noexcept = default;
Samples& Samples::operator=(Samples&&) noexcept = default;

std::vector<std::int64_t> Samples::class_counts() const {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(info_.classes()), 0);
  if (counts.empty()) return counts;
  for (auto const label : split_.targets) ++counts[label];
  return counts;
}

Batch Samples::gather(std::span<std::int64_t const> indices) const {
  return {inputs_->gather(indices), targets_->gather(indices)};
}

Batch Samples::gather_augmented(std::span<std::int64_t const> indices, Random& random) const {
  require(info_.inputs == Inputs::pixels, "only pixels can be cropped and flipped");
  auto const channels = info_.shape[0], height = info_.shape[1], width = info_.shape[2];
  auto const scale = scales(info_), shift = shifts(info_);
  auto images = torch::empty({std::ssize(indices), channels, height, width});
  auto* out = images.data_ptr<float>();
  auto const plane = height * width;
  for (auto const index : indices) {
    auto const offset = [&] { return static_cast<std::int64_t>(random.below(2 * kPadding + 1)); };
    Crop crop;
    crop.dy = offset() - kPadding;
    crop.dx = offset() - kPadding;
    crop.flip = random.below(2) == 1;
    for (std::int64_t c = 0; c < channels; ++c, out += plane) {
      auto const channel = static_cast<std::size_t>(c);
      crop_plane(split_.inputs.data() + (index * channels + c) * plane, height, width, crop,
                 scale[channel], shift[channel], out);
    }
  }
  return {device_->to_device(images), targets_->gather(indices)};
}

Batch Samples::range(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return gather(indices);
}

}  // namespace fedstrata
