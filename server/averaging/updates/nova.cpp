#include <algorithm>
#include <functional>
#include <numeric>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// FedNova (Wang et al., NeurIPS 2020, arXiv 2007.07481): x + tau sum_i w_i (y_i - x) / a_i, where
/// a_i is what client i's steps add up to and tau = sum_i w_i a_i, so that a client that does more
/// steps has no more say. The mean of a group with this update is weighted by w_i / a_i
/// (MeanWeights), which leaves the factor tau sum_i w_i / a_i of the way to it. That is 1 where all
/// clients do as many steps: plain averaging.
Update make_nova_update(AverageGroup const&) {
  auto const apply = [](UpdateBlock const& block) {
    auto const& weights = block.round->weights;
    auto const& steps = block.round->steps;
    if (std::ranges::adjacent_find(steps, std::not_equal_to()) == steps.end()) return;
    double const beyond = std::inner_product(weights.begin(), weights.end(), steps.begin(), 0.0) *
                              std::inner_product(weights.begin(), weights.end(), steps.begin(), 0.0,
                                                 std::plus(), std::divides()) -
                          1.0;
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      double const mean = block.values[i];
      double const way = mean - static_cast<double>(block.before[i]);
      block.values[i] = static_cast<float>(mean + beyond * way);
    }
  };
  return {.apply = apply};
}

}  // namespace fedstrata
