#include "server/averaging/updates/adaptive.hpp"

namespace fedstrata {

/// FedAdagrad: v = v + D^2.
Update make_adagrad_update(AverageGroup const& group) {
  return adaptive_update(group, {"update_lr", "update_beta1", "update_tau"},
                         [](double v, double change, double) { return v + change * change; });
}

}  // namespace fedstrata
