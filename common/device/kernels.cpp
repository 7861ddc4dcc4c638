#include "common/device/kernels.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "common/device/kernel_clones.hpp"

// Loops over whole rows, compiled for several instruction sets (kernel_clones.hpp). Each element's
// result depends on its own inputs alone, or sums are of integers, so that neither the width of
// vectors nor the order changes a bit.

namespace fedstrata::kernels {
namespace {

// Adding and subtracting 1.5 * 2^52 rounds a double below 2^51 to an integer; the sum's low bits
// are that integer in two's complement. Several times faster than llrint.
constexpr double kRound = 6755399441055744.0;

}  // namespace

FEDSTRATA_KERNEL void sgd_update(std::span<float> w, std::span<float> v, std::span<float const> g,
                                 SgdStep const& step) {
  auto const n = w.size();
  float* const pw = w.data();
  float* const pv = v.data();
  float const* const pg = g.data();
  auto const lr = static_cast<float>(step.lr);
  auto const momentum = static_cast<float>(step.momentum);
  auto const decay = static_cast<float>(step.weight_decay);
  auto const from_gradient = step.nesterov ? 1.0F : 0.0F;
  auto const from_momentum = step.nesterov ? momentum : 1.0F;
  FEDSTRATA_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    float const gradient = pg[i] + decay * pw[i];
    pv[i] = momentum * pv[i] + gradient;
    pw[i] -= lr * (from_gradient * gradient + from_momentum * pv[i]);
  }
}

FEDSTRATA_KERNEL void sgd_apply(std::span<float> w, std::span<float> v, SgdStep const& step) {
  auto const n = w.size();
  float* const pw = w.data();
  float* const pv = v.data();
  auto const lr = static_cast<float>(step.lr);
  auto const decay = static_cast<float>(step.weight_decay);
  FEDSTRATA_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    pv[i] += decay * pw[i];
    pw[i] -= lr * pv[i];
  }
}

FEDSTRATA_KERNEL void adam_update(std::span<float> w, std::span<float> m, std::span<float> v,
                                  std::span<float const> g, AdamStep const& step) {
  auto const n = w.size();
  float* const pw = w.data();
  float* const pm = m.data();
  float* const pv = v.data();
  float const* const pg = g.data();
  auto const beta1 = static_cast<float>(step.beta1);
  auto const beta2 = static_cast<float>(step.beta2);
  auto const new1 = static_cast<float>(1.0 - step.beta1);
  auto const new2 = static_cast<float>(1.0 - step.beta2);
  auto const eps = static_cast<float>(step.eps);
  auto const decay = static_cast<float>(step.decoupled ? 0.0 : step.weight_decay);
  auto const keep = static_cast<float>(step.decoupled ? 1.0 - step.lr * step.weight_decay : 1.0);
  auto const rate = static_cast<float>(step.lr / (1.0 - std::pow(step.beta1, step.steps)));
  auto const scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(step.beta2, step.steps)));
  FEDSTRATA_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    float const gradient = pg[i] + decay * pw[i];
    pm[i] = beta1 * pm[i] + new1 * gradient;
    pv[i] = beta2 * pv[i] + new2 * gradient * gradient;
    pw[i] = keep * pw[i] - rate * pm[i] / (std::sqrt(pv[i]) * scale + eps);
  }
}

FEDSTRATA_KERNEL void add_difference(std::span<float> row, double factor, std::span<float const> a,
                                     std::span<float const> b) {
  auto const n = row.size();
  float* const pr = row.data();
  float const* const pa = a.data();
  float const* const pb = b.data();
  auto const f = static_cast<float>(factor);
  FEDSTRATA_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) pr[i] += f * (pa[i] - pb[i]);
}

FEDSTRATA_KERNEL void interpolate(std::span<float const> a, std::span<float const> b, double alpha,
                                  std::span<float> out) {
  bool const near_a = alpha < 0.5;
  auto const factor = static_cast<float>(near_a ? alpha : 1.0 - alpha);
  float const* const base = near_a ? a.data() : b.data();
  float const* const other = near_a ? b.data() : a.data();
  float* const po = out.data();
  auto const n = out.size();
  for (std::size_t i = 0; i < n; ++i) po[i] = base[i] + factor * (other[i] - base[i]);
}

FEDSTRATA_KERNEL void normalize(std::span<std::uint8_t const> pixels, float scale, float shift,
                                std::span<float> out) {
  auto const n = pixels.size();
  std::uint8_t const* const in = pixels.data();
  float* const po = out.data();
  for (std::size_t i = 0; i < n; ++i) po[i] = static_cast<float>(in[i]) * scale + shift;
}

FEDSTRATA_KERNEL float max_magnitude(std::span<float const> values) {
  // For non-negative floats the order of the bits is the order of the values, and NaN is largest.
  std::uint32_t largest = 0;
  float const* const p = values.data();
  auto const n = values.size();
  for (std::size_t i = 0; i < n; ++i) {
    auto const bits = std::bit_cast<std::uint32_t>(p[i]) & 0x7fffffffU;
    largest = bits > largest ? bits : largest;
  }
  return std::bit_cast<float>(largest);
}

FEDSTRATA_KERNEL bool accumulate(std::span<float const> values, double scale, float limit,
                                 std::span<std::int64_t> sums) {
  auto const n = values.size();
  float const* const p = values.data();
  std::int64_t* const s = sums.data();
  std::uint32_t largest = 0;
  FEDSTRATA_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    auto const bits = std::bit_cast<std::uint32_t>(p[i]) & 0x7fffffffU;
    largest = bits > largest ? bits : largest;
    double const shifted = static_cast<double>(p[i]) * scale + kRound;
    auto const addend =
        std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kRound);
    s[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(s[i]) + addend);
  }
  return std::bit_cast<float>(largest) <= limit;
}

FEDSTRATA_KERNEL void subtract(std::span<float const> values, double scale,
                               std::span<std::int64_t> sums) {
  auto const n = values.size();
  float const* const p = values.data();
  std::int64_t* const s = sums.data();
  FEDSTRATA_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    double const shifted = static_cast<double>(p[i]) * scale + kRound;
    auto const addend =
        std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kRound);
    s[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(s[i]) - addend);
  }
}

FEDSTRATA_KERNEL void finish_mean(std::span<std::int64_t const> sums, double quantum,
                                  double divisor, std::span<float> out) {
  auto const n = sums.size();
  double const factor = quantum / divisor;
  for (std::size_t i = 0; i < n; ++i)
    out[i] = static_cast<float>(static_cast<double>(sums[i]) * factor);
}

FEDSTRATA_KERNEL PairSums pair_sums(std::span<float const> a, std::span<float const> b) {
  constexpr std::size_t kLanes = 8;  // independent partial sums: a fixed order that vectorises
  std::array<double, kLanes> aa{}, bb{}, ab{}, dd{};
  auto const n = a.size();
  auto const whole = n - n % kLanes;
  float const* const pa = a.data();
  float const* const pb = b.data();
  auto const add = [&](std::size_t lane, std::size_t i) {
    auto const x = static_cast<double>(pa[i]);
    auto const y = static_cast<double>(pb[i]);
    aa[lane] += x * x;
    bb[lane] += y * y;
    ab[lane] += x * y;
    dd[lane] += (x - y) * (x - y);
  };
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, i + lane);
  }
  for (std::size_t i = whole; i < n; ++i) add(i - whole, i);
  PairSums sum;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    sum.aa += aa[lane];
    sum.bb += bb[lane];
    sum.ab += ab[lane];
    sum.distance2 += dd[lane];
  }
  return sum;
}

}  // namespace fedstrata::kernels
