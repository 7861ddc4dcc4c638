#pragma once
#include <array>
#include <cstdint>
#include <set>
#include <span>

namespace fedstrata {

/// What a stream of random numbers is for. Values are part of the results: never renumber.
enum class Purpose : std::uint64_t {
  initialization = 1,
  shuffle = 2,
  participation = 3,
  partition = 4,
  augmentation = 5,
  dropout = 6,
  synthetic_data = 7,
  pairs = 8,
  layer_order = 9,
  direction = 10,
  subset = 11,
  alignment = 12,
  simplex = 13,
  evaluation = 14
};

/// One block of Philox 4x32-10: ten rounds on a 128-bit counter with a 64-bit key. A bijection of
/// counters for each key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

/// Counter-based random numbers (Philox 4x32-10; Salmon et al., SC 2011), keyed by what they are
/// for: the same (seed, purpose, client, round) gives the same numbers on any rank, at any time.
/// Streams of one seed never overlap, as long as round < 2^56.
class Random {
 public:
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t client = 0, std::uint64_t round = 0);

  std::uint64_t next();                  ///< uniform over all 64-bit values
  double uniform();                      ///< [0, 1), 53 bits
  double normal();                       ///< standard normal
  double gamma(double shape);            ///< Gamma(shape, 1), shape > 0; may underflow to 0
  double log_gamma(double shape);        ///< logarithm of such a number: finite for any shape
  std::uint64_t below(std::uint64_t n);  ///< uniform over 0 .. n-1, without bias; n > 0
  void shuffle(std::span<std::int64_t> values);  ///< every order equally likely (Fisher-Yates)

 private:
  std::uint64_t key_;
  std::uint64_t counter_high_;  ///< names the stream, together with the key
  std::uint64_t counter_low_ = 0;
  std::uint64_t buffer_ = 0;  ///< second half of the latest block
  bool buffered_ = false;
  double spare_normal_ = 0.0;
  bool has_spare_ = false;
};

/// `count` <= `available` distinct numbers below `available`, ascending, every choice equally
/// likely (Floyd's method: memory and time grow with `count`, not with how many there are).
std::set<std::uint64_t> distinct_numbers(std::uint64_t available, std::uint64_t count,
                                         Random& random);

}  // namespace fedstrata
