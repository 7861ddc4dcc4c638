#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/federation/experiment.hpp"
#include "common/store/rows/resume_files.hpp"
#include "server/averaging/updates/updates.hpp"

namespace fedstrata {

/// Throws InputError where a group's update does not exist, or a setting has no meaning for it.
void check_updates(Config const& config);

/// What the updates of a run keep, as its resume states name it: "average.NAME.FIELD", a number for
/// each parameter of the group's layers, one layer after another.
std::vector<RowField> update_fields(Experiment const& experiment);

/// The updates of all averaging groups, each with its state. A layer's part of it changes in the
/// rounds that average the layer, and only then. Statistics (buffers) and the clients' momentum
/// have no update: they are averaged.
class LayerUpdates {
 public:
  /// Throws InputError as check_updates(). The state is that of a run's start.
  explicit LayerUpdates(Experiment const& experiment);

  /// A round's training is over; `excluded` participants diverged. What follows is about it.
  void begin(std::int64_t round, std::vector<std::int64_t> const& excluded);

  /// Turns the packed means `first`, first + 1, ... of a round into what its layers become.
  /// `before`: the global state row at the round's start. Each element once a round, in any order.
  void apply(RoundParts const& parts, std::int64_t first, std::span<float> packed,
             std::span<float const> before);

  /// What the layers `parts.distant_layers` are multiplied by, once the means are known. `mean`:
  /// the packed ones, `distances`: ClientHost::distances() of all ranks, summed.
  std::vector<double> factors(RoundParts const& parts, std::span<float const> mean,
                              std::span<double const> distances,
                              std::span<float const> before) const;

  /// Elements of all rows.
  std::int64_t size() const;
  /// The rows of update_fields(), one after another.
  std::vector<float> state() const;
  void restore(ResumeState const& state);

 private:
  struct Group {
    Update update;
    std::vector<std::vector<float>> rows;  ///< by field
  };
  /// Where a layer's numbers begin in the rows of its group; no group: plain averaging.
  struct Place {
    int group = -1;
    std::int64_t offset = 0;
  };
  Slice parameters(int layer) const;

  Experiment const* experiment_;
  LayerTable const* table_;
  std::vector<RowField> fields_;
  std::vector<Group> groups_;         ///< with an update other than the mean
  std::vector<Place> places_;         ///< by layer
  std::vector<std::size_t> counted_;  ///< indices of the participants that did not diverge
  std::vector<UpdateRound> rounds_;   ///< the round, by the weighting of a part
};

}  // namespace fedstrata
