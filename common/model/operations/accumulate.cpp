#include <torch/types.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {

void accumulate(at::Tensor const& into, at::Tensor const& gradient, GradientTarget const& target) {
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

}  // namespace fedstrata
