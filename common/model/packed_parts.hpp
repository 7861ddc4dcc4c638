#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/model/layer_table.hpp"

namespace fedstrata {

/// What exact sums take a part's magnitude to be at least, unless the part says otherwise.
inline constexpr float kLeastMagnitude = 0x1p-6F;

/// A slice of a state row that belongs to one layer. Each has a quantum of its own in exact sums.
struct StatePart {
  int layer = 0;
  Slice slice;
  int field = -1;  ///< index of the StateField it is a share of; -1 = of the model itself
  float least_magnitude = kLeastMagnitude;
  int weighting = 0;  ///< with which of several weights of a row it is averaged
};

/// A part, and where it lies in the packed row.
struct PackedPart : StatePart {
  Slice packed;
};

/// Parts of a state row, one after another without gaps: the packed row, which is what is summed,
/// kept between rounds and stored. Knows where each part lies in both rows. Pure data.
class PackedParts {
 public:
  PackedParts() = default;
  explicit PackedParts(std::vector<StatePart> const& parts);

  /// Elements of the packed row.
  std::int64_t size() const { return size_; }
  /// Is there no part at all?
  bool empty() const { return parts_.empty(); }
  /// Number of parts.
  std::size_t count() const { return parts_.size(); }
  PackedPart const& operator[](std::size_t i) const { return parts_[i]; }
  auto begin() const { return parts_.begin(); }
  auto end() const { return parts_.end(); }

  /// The first `count` parts; their packed row is the beginning of this one's.
  PackedParts first(std::size_t count) const;

  /// Copies the parts of a state row into a packed row [size()].
  void pack(std::span<float const> state, std::span<float> packed) const;
  /// Copies a packed row (at least [size()]) into the parts of a state row; the rest of that stays.
  void unpack(std::span<float const> packed, std::span<float> state) const;

 private:
  std::vector<PackedPart> parts_;
  std::int64_t size_ = 0;
};

/// The elements of `row` that `slice` names.
template <class T>
std::span<T> elements(std::span<T> row, Slice slice) {
  return row.subspan(static_cast<std::size_t>(slice.offset), static_cast<std::size_t>(slice.size));
}

}  // namespace fedstrata
