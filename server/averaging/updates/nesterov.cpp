#include "common/device/kernel_clones.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// Nesterov's momentum, the outer step of DiLoCo (Douillard et al. 2023, arXiv 2311.08105): with
/// D = mean - x, v = beta1 v + D and x + lr (beta1 v + D), as torch.optim.SGD(nesterov=True) does
/// with -D for gradient. Written as the mean and what differs from it, as `momentum` is.
Update make_nesterov_update(AverageGroup const& group) {
  auto const apply = [lr = group.update_lr, beta = group.update_beta1](UpdateBlock const& block) {
    auto const before = block.before;
    auto const values = block.values;
    auto const v = block.state[0];
    FEDSTRATA_INDEPENDENT
    for (std::size_t i = 0; i < values.size(); ++i) {
      double const mean = values[i];
      double const change = mean - static_cast<double>(before[i]);
      double const next = beta * static_cast<double>(v[i]) + change;
      values[i] = static_cast<float>(mean + ((lr - 1.0) * change + lr * beta * next));
      v[i] = static_cast<float>(next);
    }
  };
  return {.keys = {"update_lr", "update_beta1"}, .fields = {{"v"}}, .apply = apply};
}

}  // namespace fedstrata
