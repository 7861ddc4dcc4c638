#include "server/plan/kinds/kinds.hpp"
#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {
namespace {

/// All layers but one, whose name the target bears; nothing for a model of one layer.
class ComplementKind final : public LayerSetKind {
 public:
  explicit ComplementKind(std::string const& text) : LayerSetKind(text, "complement") {}

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    std::vector<Target> result;
    if (table.layers.size() < 2) return result;
    for (int const left_out : all_layers(table)) {
      Target target{name_of(table, left_out), all_layers(table)};
      std::erase(target.layers, left_out);
      result.push_back(std::move(target));
    }
    return result;
  }
};

}  // namespace

BarrierKindPtr make_complement(KindText const& kind) {
  return std::make_shared<ComplementKind>(kind.text);
}

}  // namespace fedstrata
