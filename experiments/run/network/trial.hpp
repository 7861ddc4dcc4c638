#pragma once
#include <string>
#include <vector>

#include "common/data/samples.hpp"
#include "common/device/device.hpp"
#include "common/federation/experiment.hpp"

namespace fedstrata {

/// Runs a network of the user's own (model.name = script:FILE) as the run will, on samples of the
/// training set, and drops the results. Throws InputError, with the reason, where
/// - values or answers are not finite,
/// - answers in evaluation differ from pass to pass, or with the other samples of a batch,
/// - a training pass fails at a size of batch that a client's share will cause,
/// - no gradient reaches some parameter.
/// Returns, in sentences, what a run can use but hardly anybody means: operations that were traced
/// in evaluation mode, so that they never train, and answers that are probabilities or their
/// logarithms. Of networks of the zoo all that is known, so nothing is run.
std::vector<std::string> try_network(Experiment const& experiment, Device const& device,
                                     Samples const& train);

}  // namespace fedstrata
