#include <cmath>

#include "common/device/kernel_clones.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// FedAdam (Reddi et al. 2021, arXiv 2003.00295, algorithm 2): with D = mean - x,
/// m = beta1 m + (1 - beta1) D, v = beta2 v + (1 - beta2) D^2 and x + lr m / (sqrt(v) + tau), where
/// v starts at tau^2; without a correction of the bias at the start.
Update make_adam_update(AverageGroup const& group) {
  auto const apply = [lr = group.update_lr, beta1 = group.update_beta1, beta2 = group.update_beta2,
                      tau = group.update_tau](UpdateBlock const& block) {
    auto const before = block.before;
    auto const values = block.values;
    auto const m = block.state[0];
    auto const v = block.state[1];
    FEDSTRATA_INDEPENDENT
    for (std::size_t i = 0; i < values.size(); ++i) {
      double const x = before[i];
      double const change = static_cast<double>(values[i]) - x;
      double const first = beta1 * static_cast<double>(m[i]) + (1.0 - beta1) * change;
      double const second = beta2 * static_cast<double>(v[i]) + (1.0 - beta2) * change * change;
      values[i] = static_cast<float>(x + lr * first / (std::sqrt(second) + tau));
      m[i] = static_cast<float>(first);
      v[i] = static_cast<float>(second);
    }
  };
  auto const start = static_cast<float>(group.update_tau * group.update_tau);
  return {.keys = {"update_lr", "update_beta1", "update_beta2", "update_tau"},
          .fields = {{"m"}, {"v", start}},
          .apply = apply};
}

}  // namespace fedstrata
