#include "common/config/presets.hpp"
#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {

std::vector<Key<FederationConfig>> federation_keys() {
  auto const is_preset = [](std::string const& name) {
    if (!name.empty()) preset_groups(name);  // whose sentence says what other strategies are here
    return true;
  };
  auto preset = text("preset", &FederationConfig::preset, "", is_preset,
                     "averaging groups by name, instead of [average.NAME] sections");
  preset.allowed = join(preset_names(), " | ") + " | empty = none";
  return {
      number("rounds", &FederationConfig::rounds, {.low = 0, .high = 10000000}, "rounds",
             "number of rounds"),
      number("local_epochs", &FederationConfig::local_epochs, at_least(0), "epochs",
             "passes of a participant over its data in a round; this or local_steps"),
      number("local_steps", &FederationConfig::local_steps, at_least(0), "steps",
             "steps of a participant in a round; > 0 replaces local_epochs"),
      number("participation", &FederationConfig::participation,
             {.low = 0, .high = 1, .low_open = true}, "",
             "share of the clients that take part in a round, at least one client"),
      choice("weighting", &FederationConfig::weighting, {"samples", "uniform"},
             "weight of a participant in averages"),
      older_value("both",
                  selection("evaluate", &FederationConfig::evaluate,
                            "auto | both | global | clients | N participants", parse_evaluate,
                            "models evaluated on the test set: global model and participants' "
                            "own; auto = what a tenth of the training pays for")),
      number("evaluate_every", &FederationConfig::evaluate_every, at_least(0), "rounds",
             "interval of evaluations on the test set; 0 = never"),
      choice("on_divergence", &FederationConfig::on_divergence, {"stop", "exclude"},
             "a client's loss or parameters become non-finite: stop, or leave it out"),
      preset,
  };
}

}  // namespace fedstrata::keys
