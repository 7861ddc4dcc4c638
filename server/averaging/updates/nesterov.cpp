#include "server/averaging/updates/momenta.hpp"

namespace fedstrata {

/// Nesterov's momentum, the outer step of DiLoCo (Douillard et al. 2023, arXiv 2311.08105):
/// x + lr (beta1 v + D), as torch.optim.SGD(nesterov=True) does with -D for gradient.
Update make_nesterov_update(AverageGroup const& group) {
  return momentum_update(
      group, [](double lr, double beta, double /*kept*/, double next) { return lr * beta * next; });
}

}  // namespace fedstrata
