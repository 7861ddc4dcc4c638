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

}  // namespace

class SampleReader {
 public:
  virtual ~SampleReader() = default;
  /// Crops are given for pixels only.
  virtual at::Tensor gather(Picks const& picks, std::span<Crop const> crops) const = 0;
};

namespace {

class PixelReader : public SampleReader {
 public:
  PixelReader(DatasetInfo const& info, SplitView split, std::int64_t count, Device const& device) {
    PixelForm form{.count = count,
                   .channels = info.shape[0],
                   .height = info.shape[1],
                   .width = info.shape[2],
                   .scale = scales(info),
                   .shift = shifts(info)};
    pixels_ = device.is_host() ? pixels_in_host_memory(split.inputs, std::move(form))
                               : pixels_on_device(split.inputs, std::move(form), device);
  }

  at::Tensor gather(Picks const& picks, std::span<Crop const> crops) const override {
    return pixels_->gather(picks, crops);
  }

 private:
  std::unique_ptr<Pixels const> pixels_;
};

class LabelReader : public SampleReader {
 public:
  LabelReader(std::span<std::uint8_t const> labels, Device const& device) : labels_(labels) {
    if (device.is_host()) return;
    on_device_ = device.to_device(torch::from_blob(const_cast<std::uint8_t*>(labels.data()),
                                                   {std::ssize(labels)}, torch::kUInt8));
  }

  at::Tensor gather(Picks const& picks, std::span<Crop const>) const override {
    if (on_device_.defined()) return on_device_.index_select(0, picks.on_device).to(torch::kInt64);
    auto out = torch::empty({std::ssize(picks.indices)}, torch::kInt64);
    auto* value = out.data_ptr<std::int64_t>();
    for (auto const index : picks.indices) *value++ = labels_[static_cast<std::size_t>(index)];
    return out;
  }

 private:
  std::span<std::uint8_t const> labels_;
  at::Tensor on_device_;  ///< where they are not read in host memory
};

/// Rows of float32 numbers; (x - mean) / std of each column where those are given.
class NumberReader : public SampleReader {
 public:
  NumberReader(std::span<std::uint8_t const> bytes, std::vector<std::int64_t> const& shape,
               std::vector<double> const& mean, std::vector<double> const& std,
               Device const& device) {
    auto* const data = const_cast<std::uint8_t*>(bytes.data());
    rows_ = device.to_device(torch::from_blob(data, shape, torch::kFloat32));
    if (mean.empty()) return;
    auto const scale = torch::tensor(std).reciprocal();
    scale_ = device.to_device(scale.to(torch::kFloat32));
    shift_ = device.to_device((-torch::tensor(mean) * scale).to(torch::kFloat32));
  }

  at::Tensor gather(Picks const& picks, std::span<Crop const>) const override {
    auto rows = rows_.index_select(0, picks.on_device);
    return scale_.defined() ? rows.mul_(scale_).add_(shift_) : rows;
  }

 private:
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

Batch Samples::gather(std::span<std::int64_t const> indices) const { return read(indices, {}); }

Batch Samples::gather_augmented(std::span<std::int64_t const> indices, Random& random) const {
  require(info_.inputs == Inputs::pixels, "only pixels can be cropped and flipped");
  auto const offset = [&] {
    return static_cast<std::int64_t>(random.below(2 * kCropPadding + 1)) - kCropPadding;
  };
  std::vector<Crop> crops(indices.size());
  for (auto& crop : crops) {
    crop.dy = offset();
    crop.dx = offset();
    crop.flip = random.below(2) == 1;
  }
  return read(indices, crops);
}

Batch Samples::read(std::span<std::int64_t const> indices, std::span<Crop const> crops) const {
  auto const tensor = torch::from_blob(const_cast<std::int64_t*>(indices.data()),
                                       {std::ssize(indices)}, torch::kInt64);
  Picks const picks{indices, device_->to_device(tensor)};
  return {inputs_->gather(picks, crops), targets_->gather(picks, {})};
}

Batch Samples::range(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  return gather(indices);
}

}  // namespace fedstrata
