#include <algorithm>

#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// FedLWS (Shi et al., ICLR 2025, arXiv 2503.15111): every layer's mean is shrunk by
/// ||x|| / (||x|| + t ||mean - x||), where t = beta times the participants' mean distance from the
/// mean, but at least lo and at most hi. The norms are the layer's, as in the authors' code.
Update make_lws_update(AverageGroup const& group) {
  auto const factor = [beta = group.update_beta, lo = group.update_lo,
                       hi = group.update_hi](LayerNorms const& norms) {
    double const strength = std::clamp(beta * norms.distance, lo, hi);
    double const pull = strength * norms.change;
    return pull == 0.0 ? 1.0 : norms.before / (norms.before + pull);
  };
  return {.keys = {"update_beta", "update_lo", "update_hi"}, .factor = factor};
}

}  // namespace fedstrata
