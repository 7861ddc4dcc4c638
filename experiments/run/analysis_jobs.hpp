#pragma once
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/store/run.hpp"
#include "server/analysis/pool.hpp"

namespace fedstrata {

/// What an analysis of a stored run is to compute: one job for each round that it asks for and that
/// is stored, but for those in `done` (ascending). `other`: the run of analysis.against, or null.
/// Reads every model that will be needed. Throws InputError: nothing stored, a round or client that
/// is not there, fewer stored rounds than a kind needs, a model that is not finite.
std::vector<RoundJob> analysis_jobs(Run const& run, Run const* other, Config const& config,
                                    std::vector<std::int64_t> const& done);

/// Throws InputError where the analysis during a run does not fit its model, data and clients.
void check_insitu(Experiment const& experiment);

/// Warns where interpolated statistics of batch normalisation can make a barrier by themselves.
void warn_of_statistics(AnalysisConfig const& config, LayerTable const& table);

/// Has the kinds look at the stored models that they compare. Throws InputError where these cannot
/// be compared in that way (three models on one line span no plane).
void check_models(Run const& run, Config const& config, std::vector<RoundJob> const& jobs);

}  // namespace fedstrata
