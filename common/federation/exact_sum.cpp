#include "common/federation/exact_sum.hpp"

#include <algorithm>
#include <cmath>

#include "common/device/kernels.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kBucket = std::int64_t{1} << 19;  // elements: 4 MiB of integers
constexpr int kFraction = 36;                            // bits below the reference magnitude
constexpr int kHeadroom = 14;                            // bits above it

std::span<float const> at(std::span<float const> row, Slice slice) {
  return row.subspan(static_cast<std::size_t>(slice.offset), static_cast<std::size_t>(slice.size));
}

std::span<float> at(std::span<float> row, Slice slice) {
  return row.subspan(static_cast<std::size_t>(slice.offset), static_cast<std::size_t>(slice.size));
}

/// e with 2^e the power of two above max(|values|, 2^-6).
int exponent_above(std::span<float const> values) {
  int exponent = 0;
  std::frexp(std::max(kernels::max_magnitude(values), 0x1p-6F), &exponent);
  return exponent;
}

}  // namespace

void ExactSum::start(std::vector<StatePart> parts, std::span<float const> reference) {
  parts_ = std::move(parts);
  exponents_.clear();
  for (auto const& part : parts_) exponents_.push_back(exponent_above(at(reference, part.slice)));
  sums_.assign(static_cast<std::size_t>(packed_size(parts_)), 0);
}

int ExactSum::add(std::span<float const> state, double weight) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto const& part = parts_[i];
    double const scale = std::ldexp(weight, kFraction - exponents_[i]);
    auto const limit = static_cast<float>(std::ldexp(1.0, exponents_[i] + kHeadroom));
    auto const sums = std::span(sums_).subspan(static_cast<std::size_t>(offset),
                                               static_cast<std::size_t>(part.slice.size));
    if (!kernels::accumulate(at(state, part.slice), scale, limit, sums)) {
      for (std::size_t j = 0, undo = 0; j <= i; ++j) {
        auto const size = static_cast<std::size_t>(parts_[j].slice.size);
        kernels::subtract(at(state, parts_[j].slice), std::ldexp(weight, kFraction - exponents_[j]),
                          std::span(sums_).subspan(undo, size));
        undo += size;
      }
      return part.layer;
    }
    offset += part.slice.size;
  }
  return -1;
}

void ExactSum::finish(std::int64_t first, double divisor, std::span<float> out) const {
  auto const last = first + static_cast<std::int64_t>(out.size());
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto const end = begin + parts_[i].slice.size;
    auto const from = std::max(begin, first);
    auto const to = std::min(end, last);
    if (from < to) {
      auto const size = static_cast<std::size_t>(to - from);
      kernels::finish_mean(std::span(sums_).subspan(static_cast<std::size_t>(from), size),
                           std::ldexp(1.0, exponents_[i] - kFraction), divisor,
                           out.subspan(static_cast<std::size_t>(from - first), size));
    }
    begin = end;
  }
}

void ExactSum::average(mpi::Comm const& comm, std::function<double()> const& divisor,
                       std::span<float> mean, std::function<void()> const& idle) {
  auto const total = static_cast<std::int64_t>(sums_.size());
  bool const root = comm.rank() == 0;
  std::vector<mpi::Request> sums;
  for (std::int64_t first = 0; first < total; first += kBucket) {
    auto const size = static_cast<std::size_t>(std::min(kBucket, total - first));
    sums.push_back(
        comm.ireduce_sum(std::span(sums_).subspan(static_cast<std::size_t>(first), size), 0));
  }
  double const by = root ? divisor() : 1.0;
  std::vector<mpi::Request> means;
  for (std::size_t bucket = 0; bucket < sums.size(); ++bucket) {
    auto const first = static_cast<std::int64_t>(bucket) * kBucket;
    auto const part = mean.subspan(static_cast<std::size_t>(first),
                                   static_cast<std::size_t>(std::min(kBucket, total - first)));
    if (root) {
      sums[bucket].wait(idle);
      finish(first, by, part);
    }
    means.push_back(comm.ibroadcast(std::as_writable_bytes(part), 0));
  }
  for (auto& request : means) request.wait(idle);
  for (auto& request : sums) request.wait(idle);
}

void unpack(std::vector<StatePart> const& parts, std::span<float const> packed,
            std::span<float> state) {
  std::int64_t offset = 0;
  for (auto const& part : parts) {
    std::ranges::copy(at(packed, {offset, part.slice.size}), at(state, part.slice).begin());
    offset += part.slice.size;
  }
}

void pack(std::vector<StatePart> const& parts, std::span<float const> state,
          std::span<float> packed) {
  std::int64_t offset = 0;
  for (auto const& part : parts) {
    std::ranges::copy(at(state, part.slice), at(packed, {offset, part.slice.size}).begin());
    offset += part.slice.size;
  }
}

}  // namespace fedstrata
