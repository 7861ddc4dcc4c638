#include "server/averaging/updates/adaptive.hpp"

namespace fedstrata {

/// FedYogi: v = v - (1 - beta2) D^2 sign(v - D^2).
Update make_yogi_update(AverageGroup const& group) {
  return adaptive_update(group, {"update_lr", "update_beta1", "update_beta2", "update_tau"},
                         [](double v, double change, double beta2) {
                           double const square = change * change;
                           double const sign = v > square ? 1.0 : (v < square ? -1.0 : 0.0);
                           return v - (1.0 - beta2) * square * sign;
                         });
}

}  // namespace fedstrata
