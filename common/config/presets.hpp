#pragma once
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

/// Names of the presets.
std::vector<std::string> const& preset_names();

/// The averaging groups in force: those of the preset, the [average.*] sections or, without either,
/// one group of all layers, every round.
std::vector<AverageGroup> averaging_groups(Config const& config);

/// The groups of a preset: fedavg, fedper, lg-fedavg, fedbn, local. Throws InputError otherwise.
std::vector<AverageGroup> preset_groups(std::string const& preset);

}  // namespace fedstrata
