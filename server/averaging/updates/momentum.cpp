#include "common/device/kernel_clones.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// FedAvgM (Hsu et al. 2019, arXiv 1909.06335, section 4.3): with D = mean - x,
/// v = beta1 v + D and x + lr v. Written as the mean and what differs from it, which is exactly
/// zero for beta1 = 0 and lr = 1: x + (mean - x) need not have the mean's bits.
Update make_momentum_update(AverageGroup const& group) {
  auto const apply = [lr = group.update_lr, beta = group.update_beta1](UpdateBlock const& block) {
    auto const before = block.before;
    auto const values = block.values;
    auto const v = block.state[0];
    FEDSTRATA_INDEPENDENT
    for (std::size_t i = 0; i < values.size(); ++i) {
      double const mean = values[i];
      double const change = mean - static_cast<double>(before[i]);
      double const kept = beta * static_cast<double>(v[i]);
      values[i] = static_cast<float>(mean + ((lr - 1.0) * change + lr * kept));
      v[i] = static_cast<float>(kept + change);
    }
  };
  return {.keys = {"update_lr", "update_beta1"}, .fields = {{"v"}}, .apply = apply};
}

}  // namespace fedstrata
