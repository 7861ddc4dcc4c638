#pragma once
#include <ATen/core/Tensor.h>

namespace fedstrata {

/// Gradient of the mean cross-entropy over the batch by the logits [B, classes]; adds (sum of
/// losses, number of correct answers) to `sums`, float64 [2]. `labels` int64 [B].
at::Tensor cross_entropy_gradient(at::Tensor const& logits, at::Tensor const& labels,
                                  at::Tensor& sums);

/// The same by tensor operations alone: any device, any floating type.
at::Tensor cross_entropy_gradient_anywhere(at::Tensor const& logits, at::Tensor const& labels,
                                           at::Tensor& sums);

}  // namespace fedstrata
