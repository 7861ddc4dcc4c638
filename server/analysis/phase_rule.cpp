#include "server/analysis/phase_rule.hpp"

namespace fedstrata {

std::unique_ptr<PhaseRule> make_phase_rule(AnalysisConfig const& config, LayerTable const& table) {
  double const search = config.alphas.search_tolerance;
  if (search == 0.0) return make_tolerance_rule(config.tolerance);
  return make_search_rule(search, config.batchnorm.kind == NormSelection::Kind::from_base, table);
}

}  // namespace fedstrata
