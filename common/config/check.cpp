#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/config/keys.hpp"

namespace fedstrata {
namespace {

/// A key that only some choices of another key read: with the others it has to keep its default.
void only_with(Config const& config, std::string const& source, std::string const& name,
               std::string const& chooser, std::vector<std::string> const& choices) {
  auto const value = [](Config const& of, std::string const& key) {
    return std::ranges::find(config_keys(), key, &Key<Config>::name)->get(of);
  };
  auto const chosen = value(config, chooser);
  require_input(
      value(config, name) == value({}, name) || std::ranges::find(choices, chosen) != choices.end(),
      source + ": " + name + " = " + value(config, name) + " is for " + chooser + " = " +
          join(choices, " | ") + ", not for " + chosen + "; leave it out");
}

/// Kinds by the names of clients, and what excludes each other.
void check_analysis(Config const& config, std::string const& source) {
  auto const& analysis = config.analysis;
  require_input(analysis.tolerance == 0.0 || analysis.alphas.search_tolerance == 0.0,
                source + ": analysis.alphas = " + analysis.alphas.text +
                    " needs all samples; set analysis.tolerance = 0");
  only_with(config, source, "analysis.align_at", "analysis.align", {"activations"});
  only_with(config, source, "analysis.align_starts", "analysis.align", {"weights"});
  check_kinds(config, source);
  require_input(analysis.against.empty() || analysis.every == 0,
                source + ": analysis.against is for `fedstrata analyze`; leave it out");
}

void check_train(Config const& config, std::string const& source) {
  only_with(config, source, "train.momentum", "train.optimizer", {"sgd"});
  only_with(config, source, "train.nesterov", "train.optimizer", {"sgd"});
  for (auto const* key : {"train.beta1", "train.beta2", "train.eps"}) {
    only_with(config, source, key, "train.optimizer", {"adam", "adamw"});
  }
  only_with(config, source, "train.mu", "train.correction", {"prox"});
  only_with(config, source, "train.dyn_alpha", "train.correction", {"feddyn"});
  require_input(!config.train.nesterov || config.train.momentum > 0,
                source + ": train.nesterov = yes needs train.momentum > 0");
}

/// Corrections that keep something of each client and of all together.
void check_correction(Config const& config, std::string const& source) {
  auto const& train = config.train;
  bool const scaffold = train.correction == "scaffold";
  bool const feddyn = train.correction == "feddyn" && train.dyn_alpha > 0.0;
  std::string const what = source + ": train.correction = " + train.correction;
  require_input(!scaffold || (train.optimizer == "sgd" && train.momentum == 0.0),
                what +
                    " takes a client's way, divided by its learning rates, for its mean "
                    "gradient, which it is with plain SGD alone; set train.optimizer = sgd and "
                    "train.momentum = 0");
  require_input(!(scaffold || feddyn) || config.model.init == Init::same,
                what +
                    " measures how far clients go from the global model, so they have to start "
                    "there; set model.init = same");
  require_input(!feddyn || config.federation.weighting == Weighting::uniform,
                what +
                    " is made for a mean in which all participants weigh the same; set "
                    "federation.weighting = uniform");
  for (auto const& group : config.average) {
    require_input(!feddyn || group.update == "mean",
                  what + " has the coordinator correct the mean, so average." + group.name +
                      ".update = " + group.update + " has no place beside it; leave one out");
  }
}

/// FedNova knows what steps add up to for SGD alone, whose momentum starts with the layer's
/// interval.
void check_nova(Config const& config, std::string const& section) {
  auto const& train = config.train;
  std::string const what = section + ".update = nova divides by what a client's steps add up to, ";
  require_input(train.optimizer == "sgd", what + "which is known for SGD, not for " +
                                              "train.optimizer = " + train.optimizer +
                                              "; set train.optimizer = sgd, or another update");
  require_input(train.momentum == 0.0 || train.momentum_at_averaging == AtAveraging::reset,
                what +
                    "which is known for a momentum that starts at zero after each average; set "
                    "train.momentum_at_averaging = reset");
  require_input(train.warmup == 0,
                what + "which is known where steps of all clients are as long, not " +
                    "with train.warmup = " + std::to_string(train.warmup) +
                    ", which each counts for itself; leave one of them out");
  require_input(train.correction == "none", what + "which is not known with train.correction = " +
                                                train.correction + "; leave one of them out");
}

void check_groups(Config const& config, std::string const& source) {
  for (auto const& group : config.average) {
    std::string const section = source + ": average." + group.name;
    require_input(group.until == 0 || group.until >= group.from,
                  section + ".until = " + std::to_string(group.until) + " lies before " +
                      "average." + group.name + ".from = " + std::to_string(group.from));
    if (group.update == "nova") check_nova(config, section);
    require_input(group.update_lo <= group.update_hi,
                  section + ".update_lo = " + shortest(group.update_lo) + " is more than average." +
                      group.name + ".update_hi = " + shortest(group.update_hi));
  }
  require_input(config.federation.preset.empty() || config.average.empty(),
                source + ": federation.preset = " + config.federation.preset +
                    " and [average.*] sections exclude each other; keep one of them "
                    "(--print-config shows a preset as the sections that it stands for)");
}

}  // namespace

void check_consistency(Config const& config, std::string const& source) {
  auto const& federation = config.federation;
  require_input(federation.local_steps == 0 || federation.local_epochs == 0,
                source + ": federation.local_epochs = " + std::to_string(federation.local_epochs) +
                    " and federation.local_steps = " + std::to_string(federation.local_steps) +
                    " exclude each other; set one of them to 0 or leave it out");
  require_input(
      federation.local_steps > 0 || federation.local_epochs > 0,
      source + ": federation.local_epochs and federation.local_steps are both 0; set one");
  check_train(config, source);
  check_correction(config, source);
  check_groups(config, source);
  check_analysis(config, source);
  if (config.analysis.against.empty()) {  // else the partners are of another run
    check_listed_pairs(config.analysis.pairs, config.data.clients, source + ": ");
  }
}

}  // namespace fedstrata
