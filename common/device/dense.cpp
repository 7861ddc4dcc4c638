#include "common/device/dense.hpp"

#include <cstring>

#include "common/device/kernel_clones.hpp"

#if defined(__GNUC__)
#define FEDSTRATA_INLINE inline __attribute__((always_inline))
#else
#define FEDSTRATA_INLINE inline
#endif

namespace fedstrata::kernels {
namespace {

constexpr std::size_t kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using HalfLanes = float __attribute__((vector_size(kLanes / 2 * sizeof(float))));
using QuarterLanes = float __attribute__((vector_size(kLanes / 4 * sizeof(float))));

/// Adds the upper half of a vector to its lower half.
template <class Half, class Whole>
FEDSTRATA_INLINE void fold(Whole const& whole, Half& sum) {
  Half upper;
  std::memcpy(&sum, &whole, sizeof(sum));
  std::memcpy(&upper, reinterpret_cast<char const*>(&whole) + sizeof(sum), sizeof(sum));
  sum += upper;
}

FEDSTRATA_INLINE float total(Lanes const& lanes) {
  HalfLanes half;
  QuarterLanes quarter;
  fold(lanes, half);
  fold(half, quarter);
  return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}

/// R rows of x by O rows of weight: R * O sums in registers.
template <std::size_t R, std::size_t O>
FEDSTRATA_INLINE void block(float const* x, float const* weight, float const* bias,
                            std::size_t inputs, std::size_t outputs, float* y) {
  Lanes sums[R][O] = {};
  std::size_t k = 0;
  for (; k + kLanes <= inputs; k += kLanes) {
    Lanes from_x[R];
    for (std::size_t r = 0; r < R; ++r) std::memcpy(&from_x[r], x + r * inputs + k, sizeof(Lanes));
    for (std::size_t o = 0; o < O; ++o) {
      Lanes from_weight;
      std::memcpy(&from_weight, weight + o * inputs + k, sizeof(Lanes));
      for (std::size_t r = 0; r < R; ++r) sums[r][o] += from_x[r] * from_weight;
    }
  }
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t o = 0; o < O; ++o) {
      float sum = total(sums[r][o]);
      for (auto i = k; i < inputs; ++i) sum += x[r * inputs + i] * weight[o * inputs + i];
      y[r * outputs + o] = bias != nullptr ? sum + bias[o] : sum;
    }
  }
}

template <std::size_t R>
FEDSTRATA_INLINE void rows_of(float const* x, float const* weight, float const* bias,
                              std::size_t inputs, std::size_t outputs, float* y) {
  constexpr std::size_t kAtOnce = 4;
  auto const bias_at = [bias](std::size_t o) { return bias != nullptr ? bias + o : nullptr; };
  std::size_t o = 0;
  for (; o + kAtOnce <= outputs; o += kAtOnce)
    block<R, kAtOnce>(x, weight + o * inputs, bias_at(o), inputs, outputs, y + o);
  for (; o < outputs; ++o) block<R, 1>(x, weight + o * inputs, bias_at(o), inputs, outputs, y + o);
}

}  // namespace

FEDSTRATA_KERNEL void dense(float const* x, float const* weight, float const* bias,
                            std::size_t rows, std::size_t inputs, std::size_t outputs, float* y) {
  std::size_t r = 0;
  for (; r + 5 <= rows; r += 5)
    rows_of<5>(x + r * inputs, weight, bias, inputs, outputs, y + r * outputs);
  for (; r + 2 <= rows; r += 2)
    rows_of<2>(x + r * inputs, weight, bias, inputs, outputs, y + r * outputs);
  for (; r < rows; ++r) rows_of<1>(x + r * inputs, weight, bias, inputs, outputs, y + r * outputs);
}

}  // namespace fedstrata::kernels
