#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace fedstrata {

/// Gradient of the mean cross-entropy over the batch by the logits [B, classes]; adds (sum of
/// losses, number of correct answers) to `sums`, float64 [2]. `labels` int64 [B].
at::Tensor cross_entropy_gradient(at::Tensor const& logits, at::Tensor const& labels,
                                  at::Tensor& sums);

/// The same by tensor operations alone: any device, any floating type.
at::Tensor cross_entropy_gradient_anywhere(at::Tensor const& logits, at::Tensor const& labels,
                                           at::Tensor& sums);

/// Cross-entropy (nats) and error (1 = wrong) of each sample, for logits [B, classes] and labels
/// int64 [B]; a loss that is not finite counts as an error.
void sample_losses(at::Tensor const& logits, at::Tensor const& labels, std::span<double> losses,
                   std::span<std::uint8_t> errors);

}  // namespace fedstrata
