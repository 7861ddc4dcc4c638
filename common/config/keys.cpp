#include "common/config/keys.hpp"

#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata {

std::vector<Key<Config>> const& config_keys() {
  static auto const all_keys = [] {
    using namespace keys;
    std::vector<Key<Config>> all;
    append(all, "run", &Config::run, run_keys());
    append(all, "model", &Config::model, model_keys());
    append(all, "data", &Config::data, data_keys());
    append(all, "train", &Config::train, train_keys());
    append(all, "federation", &Config::federation, federation_keys());
    append(all, "checkpoint", &Config::checkpoint, checkpoint_keys());
    append(all, "analysis", &Config::analysis, analysis_keys());
    return all;
  }();
  return all_keys;
}

std::vector<Key<AverageGroup>> const& group_keys() {
  static auto const group = keys::average_keys();
  return group;
}

}  // namespace fedstrata
