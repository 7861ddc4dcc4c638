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
  /// There are crops for pixels only.
  virtual at::Tensor gather(Picks const& picks) const = 0;
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

  at::Tensor gather(Picks const& picks) const override { return pixels_->gather(picks); }

 private:
  std::unique_ptr<Pixels const> pixels_;
};

class LabelReader : public SampleReader {
 public:
  LabelReader(std::span<std::uint8_t const> labels, Device const& device) : labels_(labels) {
    if (device.is_host()) return;
    auto* const bytes = const_cast<std::uint8_t*>(labels.data());
    auto const host = torch::from_blob(bytes, {std::ssize(labels)}, torch::kUInt8);
    on_device_ = device.to_device(host.to(torch::kInt64));
  }

  at::Tensor gather(Picks const& picks) const override {
    if (on_device_.defined()) return on_device_.index_select(0, picks.indices_on_device);
    auto out = torch::empty({std::ssize(picks.indices)}, torch::kInt64);
    auto* value = out.data_ptr<std::int64_t>();
    for (auto const index : picks.indices) *value++ = labels_[static_cast<std::size_t>(index)];
    return out;
  }

 private:
  std::span<std::uint8_t const> labels_;
  at::Tensor on_device_;  ///< int64 [N], where they are not read in host memory
};

/// Arrays of float32 numbers; (x - mean) / std where those are given for each entry of the first
/// axis of a sample.
class NumberReader : public SampleReader {
 public:
  NumberReader(std::span<std::uint8_t const> bytes, std::vector<std::int64_t> const& shape,
               std::vector<double> const& mean, std::vector<double> const& std,
               Device const& device) {
    auto* const data = const_cast<std::uint8_t*>(bytes.data());
    rows_ = device.to_device(torch::from_blob(data, shape, torch::kFloat32));
    if (mean.empty()) return;
    std::vector<std::int64_t> along(shape.size() - 1, 1);
    along[0] = -1;
    auto const scale = torch::tensor(std).reciprocal();
    auto const shift = -torch::tensor(mean) * scale;
    scale_ = device.to_device(scale.to(torch::kFloat32).view(along));
    shift_ = device.to_device(shift.to(torch::kFloat32).view(along));
  }

  at::Tensor gather(Picks const& picks) const override {
    auto rows = rows_.index_select(0, picks.indices_on_device);
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
  std::vector<std::int64_t> shape{count};
  shape.insert(shape.end(), info.shape.begin(), info.shape.end());
  return std::make_unique<NumberReader>(split.inputs, shape, info.mean, info.std, device);
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
      targets_(target_reader(info, split, count_, device)) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count_));
  std::iota(indices.begin(), indices.end(), 0);
  all_ = order(indices);
}

Samples::~Samples() = default;
Samples::Samples(Samples&&) noexcept = default;
Samples& Samples::operator=(Samples&&) noexcept = default;

std::vector<std::int64_t> Samples::class_counts() const {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(info_.classes()), 0);
  if (counts.empty()) return counts;
  for (auto const label : split_.targets) ++counts[label];
  return counts;
}

Picks SampleOrder::picks(std::int64_t first, std::int64_t count) const {
  auto const begin = static_cast<std::size_t>(first), size = static_cast<std::size_t>(count);
  Picks picks{.indices = std::span(indices_).subspan(begin, size),
              .indices_on_device = indices_on_device_.narrow(0, first, count)};
  if (crops_.empty()) return picks;
  picks.crops = std::span(crops_).subspan(begin, size);
  if (crops_on_device_.defined()) picks.crops_on_device = crops_on_device_.narrow(0, first, count);
  return picks;
}

at::Tensor Samples::on_device(std::span<std::int64_t const> numbers) const {
  return device_->to_device(torch::from_blob(const_cast<std::int64_t*>(numbers.data()),
                                             {std::ssize(numbers)}, torch::kInt64));
}

SampleOrder Samples::order(std::span<std::int64_t const> indices) const {
  SampleOrder order;
  order.indices_.assign(indices.begin(), indices.end());
  order.indices_on_device_ = on_device(order.indices_);
  return order;
}

SampleOrder Samples::augmented_order(std::span<std::int64_t const> indices, Random& random) const {
  require(info_.inputs == Inputs::pixels, "only pixels can be cropped and flipped");
  auto const offset = [&] {
    return static_cast<std::int64_t>(random.below(2 * kCropPadding + 1)) - kCropPadding;
  };
  auto order = this->order(indices);
  order.crops_.resize(indices.size());
  for (auto& crop : order.crops_) {
    crop.dy = offset();
    crop.dx = offset();
    crop.flip = random.below(2) == 1;
  }
  if (device_->is_host()) return order;
  std::vector<std::int64_t> numbers;
  for (auto const& crop : order.crops_) numbers.push_back(crop.number());
  order.crops_on_device_ = on_device(numbers);
  return order;
}

Batch Samples::gather(SampleOrder const& order, std::int64_t first, std::int64_t count) const {
  auto const picks = order.picks(first, count);
  return {inputs_->gather(picks), targets_->gather(picks)};
}

Batch Samples::gather(std::span<std::int64_t const> indices) const {
  return gather(order(indices), 0, std::ssize(indices));
}

Batch Samples::range(std::int64_t first, std::int64_t count) const {
  return gather(all_, first, count);
}

}  // namespace fedstrata
