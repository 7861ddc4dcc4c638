#include "experiments/commands/checks.hpp"

#include <utility>

#include "client/algorithms/algorithms.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/federation/experiment.hpp"
#include "common/store/name_widths.hpp"
#include "experiments/run/analysis_jobs.hpp"
#include "server/averaging/layer_updates.hpp"

namespace fedstrata {
namespace {

/// The settings that decide about the samples. Only made-up sets, whose mean and std nobody has
/// published, depend on the seed.
std::string settings_of_data(Config const& config) {
  auto const& data = config.data;
  bool const made_up = describe_dataset(data).mean.empty();
  return join({data.dataset, data.dir, std::to_string(data.train_limit),
               std::to_string(data.test_limit), made_up ? std::to_string(config.run.seed) : ""},
              "\n");
}

}  // namespace

void check_idle_ranks(Layout const& layout, Config const& config, std::string const& remedy) {
  auto const ranks = static_cast<std::int64_t>(layout.clients.size());
  auto const idle = ranks - config.data.clients;
  require_input(idle <= 0, std::to_string(ranks) + " client ranks, but data.clients = " +
                               std::to_string(config.data.clients) + ": " + std::to_string(idle) +
                               (idle == 1 ? " rank" : " ranks") + " would idle; " + remedy);
}

void RunChecks::check(Config const& config) {
  auto const layout = assign_roles(ranks_, config.analysis.ranks);
  check_idle_ranks(layout, config, remedy_);
  if (config.analysis.every > 0) check_pairs_of_kinds(config.analysis, "analysis during the run");
  auto const& [known, info, training, owners] = targets(config);
  if (!known) {
    auto const model = make_model(config.model, input_shape(describe_dataset(config.data)));
    check_names(model.table(), config.model.name);
    AveragingSchedule const schedule(config, model.table());
    return;
  }
  Experiment const experiment(config, info, training, state_fields(config.train), owners);
  check_names(experiment.model.table(), config.model.name);
  check_updates(config);
  check_insitu(experiment);
}

RunChecks::Targets const& RunChecks::targets(Config const& config) {
  auto const [place, fresh] = data_.try_emplace(settings_of_data(config));
  if (!fresh) return place->second;
  try {
    auto data = load_dataset(config.data, config.run.seed);
    place->second = {true, std::move(data.info), std::move(data.train.targets),
                     std::move(data.train.owners)};
  } catch (InputError const& error) {
    if (unread_.empty()) unread_ = error.what();
  }
  return place->second;
}

}  // namespace fedstrata
