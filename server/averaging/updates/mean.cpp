#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// The mean itself (FedAvg; McMahan et al. 2017, algorithm 1).
Update make_mean_update(AverageGroup const&) { return {}; }

}  // namespace fedstrata
