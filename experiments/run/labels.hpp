#pragma once
#include <string>

#include "common/federation/experiment.hpp"

namespace fedstrata {

/// Names the classes of the data set of which no client has a training sample; empty when there are
/// none.
std::string absent_labels(Experiment const& experiment);

}  // namespace fedstrata
