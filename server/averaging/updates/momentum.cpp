#include "server/averaging/updates/momenta.hpp"

namespace fedstrata {

/// FedAvgM (Hsu et al. 2019, arXiv 1909.06335, section 4.3): x + lr v.
Update make_momentum_update(AverageGroup const& group) {
  return momentum_update(
      group, [](double lr, double /*beta*/, double kept, double /*next*/) { return lr * kept; });
}

}  // namespace fedstrata
