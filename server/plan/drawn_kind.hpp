#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/plan/barrier_kind.hpp"

namespace fedstrata {

/// A kind that compares the way to the partner with random ways from the same model: several draws
/// of a model that is `spec` with the model and its partner filled in, once for either model.
class DrawnKind : public BarrierKind {
 public:
  DrawnKind(std::string text, std::int64_t draws) : BarrierKind(std::move(text)), draws_(draws) {}

  bool drawn() const override { return true; }

 protected:
  /// Is a draw to be as long as the way to the partner in every layer? Of the whole model only its
  /// length in all of them counts.
  static bool by_layer(Target const& target, LayerTable const& table);
  /// Adds a curve a draw and model, towards the drawn model in the layers of `target`. `label`: in
  /// column `kind`.
  void add_draws(CurveBuilder& curves, Group& group, Ends const& ends, ModelSpec spec,
                 Target const& target, std::string const& label) const;

 private:
  std::int64_t draws_;
};

}  // namespace fedstrata
