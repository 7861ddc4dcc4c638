#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/random.hpp"
#include "common/data/dataset.hpp"
#include "common/device/device.hpp"

namespace fedstrata {

/// Samples on the device: images float32 [B, C, H, W], normalised, and labels int64 [B].
struct Batch {
  at::Tensor inputs;
  at::Tensor targets;
};

/// One split of a data set as a computing rank reads it. The bytes stay where the view points (they
/// must outlive this); on a GPU they are copied there once.
class Batches {
 public:
  Batches(DatasetInfo const& info, std::span<std::uint8_t const> pixels,
          std::span<std::uint8_t const> labels, Device const& device);

  std::int64_t size() const { return count_; }
  /// Samples of each class, [classes].
  std::vector<std::int64_t> class_counts() const;
  /// Samples at `indices`, in that order.
  Batch gather(std::span<std::int64_t const> indices) const;
  /// The same with a random crop after padding by 4 black pixels and a random horizontal flip.
  Batch gather_augmented(std::span<std::int64_t const> indices, Random& random) const;
  /// Samples first .. first + count - 1.
  Batch range(std::int64_t first, std::int64_t count) const;

 private:
  at::Tensor labels_at(std::span<std::int64_t const> indices) const;

  DatasetInfo info_;
  std::span<std::uint8_t const> pixels_;
  std::span<std::uint8_t const> labels_;
  Device const* device_;
  std::int64_t count_;
  std::vector<float> scale_, shift_;  ///< [C] value = pixel * scale + shift
  PixelStore store_;
};

}  // namespace fedstrata
