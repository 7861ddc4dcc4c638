#pragma once
#include <string>
#include <vector>

#include "server/plan/barrier_kind.hpp"

namespace fedstrata {

/// A kind that compares two models in sets of layers: between the two in the layers of a target,
/// all other layers being those of one of them, once of each.
class LayerSetKind : public BarrierKind {
 public:
  /// `label`: in column `kind`.
  LayerSetKind(std::string text, std::string label)
      : BarrierKind(std::move(text)), label_(std::move(label)) {}

  bool alignable() const override { return true; }
  bool needs_pairs() const override { return false; }
  void add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                std::vector<Target> const& targets, std::string const& prefix) const override;
  /// What it costs all participants to get a target's layers from their weighted mean.
  void add_clients(CurveBuilder& curves, Group& group, AllClients const& all,
                   std::vector<Target> const& targets) const override;

 private:
  std::string label_;
};

/// Adds a line with the midpoint that analysis.curvature asks for.
void add_measured_line(CurveBuilder& curves, Group& group, Ends const& ends, CurveKey const& key,
                       Path const& path);

}  // namespace fedstrata
