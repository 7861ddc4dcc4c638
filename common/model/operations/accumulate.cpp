#include <torch/types.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {

void accumulate(at::Tensor const& into, at::Tensor const& gradient, GradientTarget const& target) {
  if (target.waiting != nullptr) {
    target.waiting->into.push_back(into);
    target.waiting->gradients.push_back(gradient);
    return;
  }
  if (target.beta == 0.0) {
    if (target.alpha == 1.0) {
      into.copy_(gradient);
    } else {
      auto out = into;
      at::mul_out(out, gradient, at::scalar_tensor(target.alpha));
    }
    return;
  }
  if (target.beta != 1.0) into.mul_(target.beta);
  into.add_(gradient, target.alpha);
}

void add_waiting(GradientTarget const& target) {
  auto const& [into, gradients] = *target.waiting;
  if (into.empty()) return;
  if (target.beta == 0.0) {
    at::_foreach_zero_(into);
  } else if (target.beta != 1.0) {
    at::_foreach_mul_(into, target.beta);
  }
  at::_foreach_add_(into, gradients, target.alpha);
}

}  // namespace fedstrata
