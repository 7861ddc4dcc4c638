#include "server/averaging/updates/adaptive.hpp"

namespace fedstrata {

/// FedAdam: v = beta2 v + (1 - beta2) D^2.
Update make_adam_update(AverageGroup const& group) {
  return adaptive_update(group, {"update_lr", "update_beta1", "update_beta2", "update_tau"},
                         [](double v, double change, double beta2) {
                           return beta2 * v + (1.0 - beta2) * change * change;
                         });
}

}  // namespace fedstrata
