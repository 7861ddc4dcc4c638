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

/// Samples in the order in which batches take them. What a device needs to know of it goes there
/// once, so that the batches cost no copy.
class SampleOrder {
 public:
  SampleOrder() = default;
  SampleOrder(SampleOrder&&) = default;  // moving leaves the numbers where the tensors see them
  SampleOrder& operator=(SampleOrder&&) = default;

  std::int64_t size() const { return std::ssize(indices_); }
  /// Entries first .. first + count - 1; valid while this is.
  Picks picks(std::int64_t first, std::int64_t count) const;

 private:
  friend class Samples;
  std::vector<std::int64_t> indices_;
  std::vector<Crop> crops_;  ///< one for each, or none
  at::Tensor indices_on_device_, crops_on_device_;
};

/// Reads one part of samples, inputs or targets, as tensors.
class SampleReader;

/// One split of a data set as a computing rank reads it. The bytes stay where the view points (they
/// must outlive this); on a GPU they are copied there once.
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
  SampleOrder order(std::span<std::int64_t const> indices) const;
  /// The same with a random crop after padding by 4 black pixels and a random horizontal flip.
  /// Pixels only.
  SampleOrder augmented_order(std::span<std::int64_t const> indices, Random& random) const;
  /// Entries first .. first + count - 1 of an order.
  Batch gather(SampleOrder const& order, std::int64_t first, std::int64_t count) const;
  /// Samples at `indices`, in that order.
  Batch gather(std::span<std::int64_t const> indices) const;
  /// Samples first .. first + count - 1.
  Batch range(std::int64_t first, std::int64_t count) const;

 private:
  at::Tensor on_device(std::span<std::int64_t const> numbers) const;

  DatasetInfo info_;
  SplitView split_;
  Device const* device_;
  std::int64_t count_;
  std::unique_ptr<SampleReader const> inputs_, targets_;
  SampleOrder all_;  ///< one after another
};

}  // namespace fedstrata
