#pragma once
#include <vector>

#include "common/config/keys.hpp"

namespace fedstrata::keys {

// The keys of each section, without its name, in the order of the help: one file a section.

std::vector<Key<RunConfig>> run_keys();
std::vector<Key<ModelConfig>> model_keys();
std::vector<Key<DataConfig>> data_keys();
std::vector<Key<TrainConfig>> train_keys();
std::vector<Key<FederationConfig>> federation_keys();
std::vector<Key<AverageGroup>> average_keys();  ///< of a section [average.NAME]
std::vector<Key<CheckpointConfig>> checkpoint_keys();
std::vector<Key<AnalysisConfig>> analysis_keys();

}  // namespace fedstrata::keys
