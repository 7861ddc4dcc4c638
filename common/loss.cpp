#include "common/loss.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "common/model.hpp"

namespace fedstrata {

at::Tensor cross_entropy_gradient(at::Tensor const& logits, at::Tensor const& labels,
                                  at::Tensor& sums) {
  auto const log_p = at::_log_softmax(logits, 1, false);
  auto const column = labels.unsqueeze(1);
  auto const own = log_p.gather(1, column);
  sums.select(0, 0).sub_(own.sum(at::kDouble));
  sums.select(0, 1).add_(at::argmax(logits, 1).eq(labels).sum());
  auto gradient = log_p.exp();
  gradient.scatter_add_(1, column, at::full_like(own, -1.0));
  return gradient.mul_(1.0 / static_cast<double>(logits.size(0)));
}

namespace {

/// Cross-entropy of one row of logits, and whether its first largest entry is another's.
LossSums row_loss(std::span<float const> logits, std::size_t label) {
  auto const largest = std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (auto const x : logits) sum += std::exp(static_cast<double>(x) - *largest);
  auto const loss = std::log(sum) + *largest - logits[label];
  bool const wrong =
      largest - logits.begin() != static_cast<std::ptrdiff_t>(label) || !std::isfinite(loss);
  return {loss, wrong ? 1.0 : 0.0};
}

}  // namespace

std::vector<LossSums> loss_sums(at::Tensor const& logits, at::Tensor const& labels,
                                std::int64_t stack) {
  auto const host = logits.to(at::kCPU).contiguous();
  auto const host_labels = labels.to(at::kCPU).contiguous();
  auto const classes = static_cast<std::size_t>(host.size(1));
  std::span const wanted(host_labels.data_ptr<std::int64_t>(),
                         static_cast<std::size_t>(host_labels.numel()));
  auto const* row = host.data_ptr<float>();
  std::vector<LossSums> sums(static_cast<std::size_t>(stack));
  for (auto& sum : sums) {
    for (auto const label : wanted) {
      sum += row_loss({row, classes}, static_cast<std::size_t>(label));
      row += classes;
    }
  }
  return sums;
}

}  // namespace fedstrata
