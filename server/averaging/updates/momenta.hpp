#pragma once
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// What the updates with a momentum have in common: with D = mean - x, v = beta1 v + D, and x + lr
/// D
/// + a step ahead. Written as the mean and what differs from it, which is exactly zero for beta1 =
/// 0 and lr = 1: x + (mean - x) need not have the mean's bits. `ahead(lr, beta1, beta1 v, next v)`
/// returns that step, which is zero for beta1 = 0.
template <class Ahead>
Update momentum_update(AverageGroup const& group, Ahead ahead) {
  auto const apply = [lr = group.update_lr, beta = group.update_beta1,
                      ahead](UpdateBlock const& block) {
    auto const size = block.values.size();
    float const* __restrict before = block.before.data();
    float* __restrict values = block.values.data();
    float* __restrict v = block.state[0].data();
    for (std::size_t i = 0; i < size; ++i) {
      double const mean = values[i];
      double const change = mean - static_cast<double>(before[i]);
      double const kept = beta * static_cast<double>(v[i]);
      double const next = kept + change;
      values[i] = static_cast<float>(mean + ((lr - 1.0) * change + ahead(lr, beta, kept, next)));
      v[i] = static_cast<float>(next);
    }
  };
  return {.keys = {"update_lr", "update_beta1"}, .fields = {{"v"}}, .apply = apply};
}

}  // namespace fedstrata
