#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/model/unit_structure.hpp"

namespace fedstrata {

/// Finds the groups of units of a network that is put together layer after layer (union-find).
/// Groups of the finished structure are in order of first appearance.
class UnitTracker {
 public:
  using Units = int;                  ///< names units here; two names may come to mean one group
  static constexpr Units kFixed = 0;  ///< units that keep their places: inputs, class outputs

  /// `size` new units, computed by stage `stage`.
  Units add(std::int64_t size, int stage);
  /// Stage `stage` normalises the newest of these units, each by itself.
  void normalise(Units units, int stage);
  /// The two are added, or are one for another reason. Throws Error unless they are equally many.
  void merge(Units a, Units b);
  /// The next parameter or buffer of the layer table has these units along its axes.
  void parameter(Units outputs, Units inputs = kFixed, std::int64_t block = 1);
  void buffer(Units outputs);
  /// The units may not be reordered, because the model `obstacle` ("has ...").
  void forbid(std::string obstacle) { obstacle_ = std::move(obstacle); }

  /// With an obstacle when a tensor has the same group on both axes.
  UnitStructure structure() const;

 private:
  struct Node {
    Units parent = kFixed;
    std::int64_t size = 0;
    std::vector<int> stages;
  };

  Units root(Units units) const;
  Node& node(Units units) { return nodes_[static_cast<std::size_t>(units)]; }
  Node const& node(Units units) const { return nodes_[static_cast<std::size_t>(units)]; }

  std::string obstacle_;
  std::vector<Node> nodes_{1};
  std::vector<TensorUnits> parameters_;  ///< in terms of Units
  std::vector<TensorUnits> buffers_;
};

}  // namespace fedstrata
