#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

// What the ranks that add up models have to know of the updates that the coordinator makes
// (server/averaging/updates/).

/// Does the update want the mean of models each divided by what its client's steps add up to?
bool normalises_steps(std::string const& update);
/// Does the update ask how far each participant's layer is from the mean?
bool asks_for_distances(std::string const& update);
/// Has the update a learning rate that may be too high?
bool has_learning_rate(std::string const& update);

/// The weights of the participants in a mean.
struct MeanWeights {
  enum class Of {
    model,    ///< as federation.weighting says
    uniform,  ///< all the same
    steps     ///< those of the model, each divided by what the client's steps add up to
  } of = Of::model;
  std::int64_t since = 0;  ///< `steps`: the round after which steps count, that of the last mean

  bool operator==(MeanWeights const&) const = default;
};

/// What `steps` steps of local SGD along a gradient that does not change add up to, in steps
/// without momentum: the norm a_i of FedNova (Wang et al. 2020, arXiv 2007.07481).
double summed_steps(TrainConfig const& train, std::int64_t steps);

/// Each of `weights` divided by its part of `by`, normalised to sum 1; the very `weights` where all
/// of `by` are equal.
std::vector<double> divided(std::vector<double> weights, std::vector<double> const& by);

}  // namespace fedstrata
