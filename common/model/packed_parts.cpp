#include "common/model/packed_parts.hpp"

#include <algorithm>

namespace fedstrata {

PackedParts::PackedParts(std::vector<StatePart> const& parts) {
  for (auto const& part : parts) {
    parts_.push_back({part, {size_, part.slice.size}});
    size_ += part.slice.size;
  }
}

PackedParts PackedParts::first(std::size_t count) const {
  return PackedParts({parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count)});
}

void PackedParts::pack(std::span<float const> state, std::span<float> packed) const {
  for (auto const& part : parts_) {
    std::ranges::copy(elements(state, part.slice), elements(packed, part.packed).begin());
  }
}

void PackedParts::unpack(std::span<float const> packed, std::span<float> state) const {
  for (auto const& part : parts_) {
    std::ranges::copy(elements(packed, part.packed), elements(state, part.slice).begin());
  }
}

}  // namespace fedstrata
