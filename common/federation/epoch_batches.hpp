#pragma once
#include <algorithm>
#include <cstdint>

#include "common/config/config.hpp"

namespace fedstrata {

/// The batches of one pass over a client's samples (at least 1), as train.last_batch says. A
/// client with less than one batch has it as its only one.
class EpochBatches {
 public:
  EpochBatches(std::int64_t samples, TrainConfig const& config) : batch_(config.batch_size) {
    auto const full = samples / batch_, rest = samples % batch_;
    bool const kept = config.last_batch == LastBatch::keep && rest > 0;
    bool const merged = config.last_batch == LastBatch::merge;
    count_ = std::max<std::int64_t>(1, full + std::int64_t{kept});
    last_ = full == 0 ? samples : kept ? rest : merged ? batch_ + rest : batch_;
  }

  std::int64_t count() const { return count_; }
  /// Samples of batch i of count().
  std::int64_t size(std::int64_t i) const { return i + 1 < count_ ? batch_ : last_; }
  /// Samples of all batches.
  std::int64_t samples() const { return (count_ - 1) * batch_ + last_; }

 private:
  std::int64_t batch_, count_ = 0, last_ = 0;
};

}  // namespace fedstrata
