#include "common/federation/exact_sum.hpp"

#include <algorithm>
#include <cmath>

#include "common/device/kernels.hpp"

namespace fedstrata {
namespace {

constexpr int kFraction = 36;  // bits below the reference magnitude
constexpr int kHeadroom = 14;  // bits above it

/// e with 2^e the power of two above max(|values|, least).
int exponent_above(std::span<float const> values, float least) {
  int exponent = 0;
  std::frexp(std::max(kernels::max_magnitude(values), least), &exponent);
  return exponent;
}

}  // namespace

void ExactSum::start(PackedParts parts, std::span<float const> reference) {
  parts_ = std::move(parts);
  exponents_.clear();
  for (auto const& part : parts_) {
    exponents_.push_back(exponent_above(elements(reference, part.slice), part.least_magnitude));
  }
  sums_.assign(static_cast<std::size_t>(parts_.size()), 0);
}

int ExactSum::add(std::span<float const> state, std::span<double const> weights) {
  auto const scale = [&](std::size_t i) {
    return std::ldexp(weights[static_cast<std::size_t>(parts_[i].weighting)],
                      kFraction - exponents_[i]);
  };
  for (std::size_t i = 0; i < parts_.count(); ++i) {
    auto const& part = parts_[i];
    auto const limit = static_cast<float>(std::ldexp(1.0, exponents_[i] + kHeadroom));
    if (kernels::accumulate(elements(state, part.slice), scale(i), limit,
                            elements(sums(), part.packed))) {
      continue;
    }
    for (std::size_t j = 0; j <= i; ++j) {
      kernels::subtract(elements(state, parts_[j].slice), scale(j),
                        elements(sums(), parts_[j].packed));
    }
    return part.layer;
  }
  return -1;
}

void ExactSum::finish(std::int64_t first, std::vector<double> const& divisors,
                      std::span<float> out) const {
  auto const last = first + static_cast<std::int64_t>(out.size());
  for (std::size_t i = 0; i < parts_.count(); ++i) {
    auto const& packed = parts_[i].packed;
    auto const from = std::max(packed.offset, first);
    auto const to = std::min(packed.offset + packed.size, last);
    if (from >= to) continue;
    kernels::finish_mean(elements(std::span(sums_), {from, to - from}),
                         std::ldexp(1.0, exponents_[i] - kFraction),
                         divisors[static_cast<std::size_t>(parts_[i].weighting)],
                         elements(out, {from - first, to - from}));
  }
}

void ExactSum::average(mpi::Comm const& comm, std::function<std::vector<double>()> const& divisors,
                       std::span<float> mean,
                       std::function<void(std::int64_t, std::span<float>)> const& update) {
  auto const total = static_cast<std::int64_t>(sums_.size());
  bool const root = comm.rank() == 0;
  std::vector<mpi::Request> sums;
  for (std::int64_t first = 0; first < total; first += kBucketElements) {
    auto const size = static_cast<std::size_t>(std::min(kBucketElements, total - first));
    sums.push_back(
        comm.ireduce_sum(std::span(sums_).subspan(static_cast<std::size_t>(first), size), 0));
  }
  auto const by = root ? divisors() : std::vector<double>{};
  std::vector<mpi::Request> means;
  for (std::size_t bucket = 0; bucket < sums.size(); ++bucket) {
    auto const first = static_cast<std::int64_t>(bucket) * kBucketElements;
    auto const part =
        mean.subspan(static_cast<std::size_t>(first),
                     static_cast<std::size_t>(std::min(kBucketElements, total - first)));
    if (root) {
      sums[bucket].wait();
      finish(first, by, part);
      if (update) update(first, part);
    }
    means.push_back(comm.ibroadcast(std::as_writable_bytes(part), 0));
  }
  for (auto& request : means) request.wait();
  for (auto& request : sums) request.wait();
}

}  // namespace fedstrata
