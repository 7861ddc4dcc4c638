#pragma once
#include <cstdint>

#include "common/model.hpp"

namespace fedstrata {

/// Multiply-adds, per sample, of the table of one pair: the full path and the paths of every layer
/// in both models.
struct WorkCount {
  double staged = 0.0;  ///< by the barrier engine
  double plain = 0.0;   ///< one whole evaluation for every point of every curve
};

/// Counted by running one sample of shape `input` through the stages; convolutions and linear
/// layers only. `points`: alphas of a curve, ends included.
WorkCount multiply_adds(Model const& model, InputShape const& input, std::int64_t points);

}  // namespace fedstrata
