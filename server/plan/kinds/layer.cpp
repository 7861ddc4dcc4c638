#include "server/plan/kinds/kinds.hpp"
#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {
namespace {

/// Each layer alone.
class LayerKind final : public LayerSetKind {
 public:
  explicit LayerKind(std::string const& text) : LayerSetKind(text, kLayerKind) {}

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    return each_layer(table);
  }
};

}  // namespace

BarrierKindPtr make_layer(KindText const& kind) { return std::make_shared<LayerKind>(kind.text); }

}  // namespace fedstrata
