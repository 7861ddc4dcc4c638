#pragma once
#include <cstdint>
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
  pairs = 8
};

/// Counter-based random numbers (Philox 4x32-10; Salmon et al., SC 2011), keyed by what they are
/// for: the same (seed, purpose, client, round) gives the same numbers on any rank, at any time.
class Random {
 public:
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t client = 0, std::uint64_t round = 0);

  std::uint64_t next();                  ///< uniform over all 64-bit values
  double uniform();                      ///< [0, 1), 53 bits
  double normal();                       ///< standard normal
  double gamma(double shape);            ///< Gamma(shape, 1), shape > 0
  std::uint64_t below(std::uint64_t n);  ///< uniform over 0 .. n-1, without bias; n > 0
  void shuffle(std::span<std::int64_t> values);

 private:
  // Philox key, counter, buffered words: see random.cpp.
  std::uint64_t key_;
  std::uint64_t counter_low_ = 0;
  std::uint64_t counter_high_;
  std::uint64_t buffer_ = 0;
  bool buffered_ = false;
  double spare_normal_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace fedstrata
