#include "common/base/random.hpp"

#include <cmath>
#include <numbers>
#include <tuple>
#include <utility>

namespace fedstrata {
namespace {

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
std::uint64_t join(std::uint32_t low_half, std::uint32_t high_half) {
  return (std::uint64_t{high_half} << 32) | low_half;
}

// One block for 64-bit halves of the counter: what both naming a stream and drawing from it need.
std::pair<std::uint64_t, std::uint64_t> block(std::uint64_t counter_low, std::uint64_t counter_high,
                                              std::uint64_t key) {
  auto const words =
      philox({low(counter_low), high(counter_low), low(counter_high), high(counter_high)},
             {low(key), high(key)});
  return {join(words[0], words[1]), join(words[2], words[3])};
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    auto const product0 = kMultiplier0 * counter[0];
    auto const product1 = kMultiplier1 * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1),
               high(product0) ^ counter[3] ^ key[1], low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// The stream's name, enciphered with the seed, gives its key and the high half of its counter:
// enciphering is a bijection, so two names never share both.
Random::Random(std::uint64_t seed, Purpose purpose, std::uint64_t client, std::uint64_t round) {
  std::tie(key_, counter_high_) =
      block(client, round ^ (static_cast<std::uint64_t>(purpose) << 56), seed);
}

std::uint64_t Random::next() {
  if (std::exchange(buffered_, false)) return buffer_;
  auto const [first, second] = block(counter_low_++, counter_high_, key_);
  buffer_ = second;
  buffered_ = true;
  return first;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

// Box-Muller: two normal numbers from two uniform ones.
double Random::normal() {
  if (std::exchange(has_spare_, false)) return spare_normal_;
  double const radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  double const angle = 2.0 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

double Random::gamma(double shape) { return std::exp(log_gamma(shape)); }

// Marsaglia and Tsang (2000); a shape below 1 is lifted by 1 and scaled by uniform^(1/shape).
double Random::log_gamma(double shape) {
  if (shape < 1.0) {
    double const lifted = log_gamma(shape + 1.0);
    return lifted + std::log(1.0 - uniform()) / shape;
  }
  double const d = shape - 1.0 / 3.0;
  double const c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    double const x = normal();
    double const root = 1.0 + c * x;
    if (root <= 0.0) continue;
    double const v = root * root * root;
    double const u = 1.0 - uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

std::uint64_t Random::below(std::uint64_t n) {
  while (true) {
    auto const value = next();
    auto const remainder = value % n;
    // Values in the last, incomplete run of n would favour small remainders.
    if (value - remainder <= -n) return remainder;
  }
}

void Random::shuffle(std::span<std::int64_t> values) {
  for (auto i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
}

std::set<std::uint64_t> distinct_numbers(std::uint64_t available, std::uint64_t count,
                                         Random& random) {
  std::set<std::uint64_t> numbers;
  for (auto last = available - count; last < available; ++last) {
    if (!numbers.insert(random.below(last + 1)).second) numbers.insert(last);
  }
  return numbers;
}

}  // namespace fedstrata
