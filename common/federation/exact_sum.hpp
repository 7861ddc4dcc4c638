#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/model/packed_parts.hpp"
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// Elements that are reduced and broadcast at a time: 4 MiB of integers.
inline constexpr std::int64_t kBucketElements = std::int64_t{1} << 19;

/// A weighted mean of state rows, whose parts may have weights of their own. Its bits do not depend
/// on the order, grouping or placement of the addends. Each addend w x is rounded once to a
/// multiple of its part's quantum q = 2^(e-36), where 2^e is the power of two above the largest
/// magnitude of the part in the reference row (and above its least_magnitude, in general 2^-6), and
/// added as an integer. The result is within (number of addends) x q / 2 of the true sum.
class ExactSum {
 public:
  /// Zero, for the given parts of a state row. `reference`: a state row that all ranks hold (the
  /// global row of the round's start).
  void start(PackedParts parts, std::span<float const> reference);

  /// Adds weight * state, each part with the one of `weights` that it names (StatePart::weighting).
  /// Returns -1, or the layer with a value that is not finite or beyond 2^(e+14) (then nothing was
  /// added): as each weighting sums to at most 1, sums cannot overflow.
  int add(std::span<float const> state, std::span<double const> weights);
  /// The same where all parts have the first weighting.
  int add(std::span<float const> state, double weight) { return add(state, {&weight, 1}); }

  PackedParts const& parts() const { return parts_; }
  /// The integers, packed.
  std::span<std::int64_t> sums() { return sums_; }
  /// Packed elements first .. first + out.size() - 1 as floats, divided by what `divisors` has for
  /// the weighting of each.
  void finish(std::int64_t first, std::vector<double> const& divisors, std::span<float> out) const;

  /// Collective over `comm`: sums of all ranks to root 0, which divides by `divisors()` (called
  /// there once, after the first sums have arrived) and broadcasts; buckets are pipelined so that
  /// the three overlap. `update`, if given, is called on the root with each bucket between the two:
  /// packed elements `first` .. of the mean, which it may change. `mean` [parts().size()] is
  /// written on every rank.
  void average(mpi::Comm const& comm, std::function<std::vector<double>()> const& divisors,
               std::span<float> mean,
               std::function<void(std::int64_t first, std::span<float> bucket)> const& update = {});

 private:
  PackedParts parts_;
  std::vector<int> exponents_;
  std::vector<std::int64_t> sums_;
};

}  // namespace fedstrata
