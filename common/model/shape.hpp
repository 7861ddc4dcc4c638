#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fedstrata {

/// Dimensions of one sample, without the batch: [features], [channels, height, width],
/// [tokens, width], or [tokens] where each is one number.
using Dimensions = std::vector<std::int64_t>;

/// What the elements of a sample are: real numbers, or indices (int64) into a vocabulary.
enum class Elements { reals, tokens };

/// Their product: how many elements a sample has.
inline std::int64_t element_count(Dimensions const& dimensions) {
  std::int64_t count = 1;
  for (auto const n : dimensions) count *= n;
  return count;
}

/// "[3, 32, 32]".
inline std::string text(Dimensions const& dimensions) {
  std::string result;
  for (auto const n : dimensions)
    result.append(result.empty() ? "" : ", ").append(std::to_string(n));
  return "[" + result + "]";
}

}  // namespace fedstrata
