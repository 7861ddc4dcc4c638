#include "client/clients_at_once.hpp"

#include <algorithm>

#include "client/algorithms/algorithms.hpp"
#include "client/algorithms/correction.hpp"
#include "client/algorithms/optimizer.hpp"
#include "common/base/error.hpp"

namespace fedstrata {
namespace {

constexpr double kMemory = 2.0 * 1024 * 1024 * 1024;
constexpr std::int64_t kMost = 64;  // beyond that launches are no more than a small part

// Numbers that a network keeps of a sample for the backward pass, for each that comes in: about 60
// with cnn, 15 with lenet5, 1 with mlp.
constexpr double kActivations = 64.0;

}  // namespace

std::string no_clients_together(Experiment const& experiment) {
  auto const& train = experiment.config.train;
  auto const& model = experiment.model;
  if (!model.takes_clients()) {
    return "model " + model.name() + " has operations that take one client at a time (at " +
           model.no_clients_at() + ")";
  }
  if (!make_optimizer(train)->takes_clients())
    return "train.optimizer = " + train.optimizer + " trains one client at a time";
  if (make_correction(train) != nullptr)
    return "train.correction = " + train.correction + " corrects one client at a time";
  if (train.clip > 0.0) return "train.clip shortens the gradient of one client at a time";
  if (train.sam_rho > 0.0) return "train.sam_rho goes along the gradient of one client at a time";
  if (experiment.config.data.augment != Augment::none)
    return "data.augment = crop_flip draws for one client at a time";
  return "";
}

double bytes_of_a_client(Experiment const& experiment) {
  auto const row = 4.0 * static_cast<double>(experiment.state().size());
  auto const batch = static_cast<double>(experiment.config.train.batch_size);
  auto const inputs = 4.0 * static_cast<double>(experiment.dataset.input_size());
  return 2.0 * row + batch * inputs * kActivations;
}

std::int64_t clients_at_once(Experiment const& experiment, bool host) {
  auto const wanted = experiment.config.run.clients_at_once;
  if (wanted == 1) return 1;
  auto const problem = no_clients_together(experiment);
  require_input(wanted == 0 || problem.empty(), "run.clients_at_once = " + std::to_string(wanted) +
                                                    " is not possible: " + problem +
                                                    "; set run.clients_at_once = auto or 1");
  if (wanted > 0) return wanted;
  if (host || !problem.empty()) return 1;
  return std::clamp(static_cast<std::int64_t>(kMemory / bytes_of_a_client(experiment)),
                    std::int64_t{1}, kMost);
}

}  // namespace fedstrata
