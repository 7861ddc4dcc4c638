#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// The server's part of FedDyn (Acar et al., ICLR 2021, arXiv 2111.04263): with D = mean - x,
/// h = h - alpha |S|/N D over the participants S, and mean - h / alpha.
Update make_feddyn_update(double alpha) {
  auto const apply = [alpha](UpdateBlock const& block) {
    double const share = static_cast<double>(block.round->weights.size()) /
                         static_cast<double>(block.round->clients);
    auto const h = block.state[0];
    for (std::size_t i = 0; i < block.values.size(); ++i) {
      double const mean = block.values[i];
      double const change = mean - static_cast<double>(block.before[i]);
      double const next = static_cast<double>(h[i]) - alpha * share * change;
      block.values[i] = static_cast<float>(mean - next / alpha);
      h[i] = static_cast<float>(next);
    }
  };
  return {.fields = {{"h"}}, .apply = apply};
}

}  // namespace fedstrata
