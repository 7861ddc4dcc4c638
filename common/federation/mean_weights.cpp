#include "common/federation/mean_weights.hpp"

#include <algorithm>
#include <numeric>

namespace fedstrata {

bool normalises_steps(std::string const& update) { return update == "nova"; }

bool asks_for_distances(std::string const& update) { return update == "lws"; }

bool has_learning_rate(std::string const& update) {
  return update != "mean" && update != "nova" && update != "lws";
}

double summed_steps(TrainConfig const& train, std::int64_t steps) {
  double momentum = 0.0, sum = 0.0;
  for (std::int64_t step = 0; step < steps; ++step) {
    momentum = train.momentum * momentum + 1.0;
    sum += train.nesterov ? 1.0 + train.momentum * momentum : momentum;
  }
  return sum;
}

std::vector<double> divided(std::vector<double> weights, std::vector<double> const& by) {
  if (std::ranges::adjacent_find(by, std::not_equal_to()) == by.end()) return weights;
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] /= by[i];
  double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (auto& weight : weights) weight /= sum;
  return weights;
}

}  // namespace fedstrata
