#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/random.hpp"
#include "common/data/dataset.hpp"
#include "common/data/pixels.hpp"
#include "common/device/device.hpp"

namespace fedstrata {

/// Samples on the device. Inputs are float32 [B, shape of a sample], normalised; targets are labels
/// int64 [B] or values float32 [B, outputs].
struct Batch {
  at::Tensor inputs;
  at::Tensor targets;
};

/// Reads one part of samples, inputs or targets, as tensors.
class SampleReader;

/// One split of a data set as a computing rank reads it. The bytes stay where the view points (they
/// must outlive this); on a GPU they are copied there once, labels excepted.
class Samples {
 public:
  Samples(DatasetInfo const& info, SplitView split, Device const& device);
  ~Samples();
  Samples(Samples&&) noexcept;
  Samples& operator=(Samples&&) noexcept;

  std::int64_t size() const { return count_; }
  /// Samples of each class, [classes]; empty where there are none.
  std::vector<std::int64_t> class_counts() const;
  /// Samples at `indices`, in that order.
  Batch gather(std::span<std::int64_t const> indices) const;
  /// The same with a random crop after padding by 4 black pixels and a random horizontal flip.
  /// Pixels only.
  Batch gather_augmented(std::span<std::int64_t const> indices, Random& random) const;
  /// Samples first .. first + count - 1.
  Batch range(std::int64_t first, std::int64_t count) const;

 private:
  Batch read(std::span<std::int64_t const> indices, std::span<Crop const> crops) const;

  DatasetInfo info_;
  SplitView split_;
  Device const* device_;
  std::int64_t count_;
  std::unique_ptr<SampleReader const> inputs_, targets_;
};

}  // namespace fedstrata
