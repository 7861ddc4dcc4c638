#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {

std::vector<Key<CheckpointConfig>> checkpoint_keys() {
  auto const stores = [](auto const& checkpoint) { return checkpoint.every > 0; };
  return {
      number("every", &CheckpointConfig::every, at_least(0), "rounds",
             "store models in rounds r with r mod every = 0, and round 0; 0 = none"),
      used_with("checkpoint.every > 0", stores,
                flag("before", &CheckpointConfig::before,
                     "participants' models as trained, before averaging")),
      used_with("checkpoint.every > 0", stores,
                flag("after", &CheckpointConfig::after, "participants' models after averaging")),
      number("minutes", &CheckpointConfig::minutes, at_least(0), "minutes",
             "save what --resume needs at least this often, beside rounds that store models; 0 = "
             "only in those"),
      number("keep_resume", &CheckpointConfig::keep_resume, at_least(1), "states",
             "newest states for --resume that are kept while the run goes on"),
      flag("keep_state", &CheckpointConfig::keep_state,
           "keep the newest state of a run that is done, so that more rounds can follow"),
  };
}

}  // namespace fedstrata::keys
