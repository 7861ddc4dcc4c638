#pragma once
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// What the adaptive updates of Reddi et al. 2021 (arXiv 2003.00295, algorithm 2) have in common:
/// with D = mean - x, m = beta1 m + (1 - beta1) D and x + lr m / (sqrt(v) + tau), where v starts at
/// tau^2; without a correction of the bias at the start. They differ in v:
/// `second(v, D, beta2)` returns its next value. `keys`: those of [average.NAME] it reads.
template <class Second>
Update adaptive_update(AverageGroup const& group, std::vector<std::string> keys, Second second) {
  auto const apply = [lr = group.update_lr, beta1 = group.update_beta1, beta2 = group.update_beta2,
                      tau = group.update_tau, second](UpdateBlock const& block) {
    auto const size = block.values.size();
    float const* __restrict before = block.before.data();
    float* __restrict values = block.values.data();
    float* __restrict m = block.state[0].data();
    float* __restrict v = block.state[1].data();
    for (std::size_t i = 0; i < size; ++i) {
      double const x = before[i];
      double const change = static_cast<double>(values[i]) - x;
      double const first = beta1 * static_cast<double>(m[i]) + (1.0 - beta1) * change;
      double const squares = second(static_cast<double>(v[i]), change, beta2);
      values[i] = static_cast<float>(x + lr * first / (std::sqrt(squares) + tau));
      m[i] = static_cast<float>(first);
      v[i] = static_cast<float>(squares);
    }
  };
  auto const start = static_cast<float>(group.update_tau * group.update_tau);
  return {.keys = std::move(keys), .fields = {{"m"}, {"v", start}}, .apply = apply};
}

}  // namespace fedstrata
