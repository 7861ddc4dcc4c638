#include "common/base/error.hpp"
#include "server/plan/kinds/kinds.hpp"
#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kWidest = 100000;

/// Some consecutive layers.
class WindowKind final : public LayerSetKind {
 public:
  WindowKind(std::string const& text, std::int64_t width)
      : LayerSetKind(text, text), width_(width) {}

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    auto const layers = static_cast<std::int64_t>(table.layers.size());
    require_input(width_ <= layers, "analysis.kinds: " + text() +
                                        " is wider than the model, which has " +
                                        std::to_string(layers) + " layers");
    std::vector<Target> result;
    for (std::int64_t first = 0; first + width_ <= layers; ++first) {
      Target target;
      for (auto l = first; l < first + width_; ++l) target.layers.push_back(static_cast<int>(l));
      target.name =
          name_of(table, target.layers.front()) + ".." + name_of(table, target.layers.back());
      result.push_back(std::move(target));
    }
    return result;
  }

 private:
  std::int64_t width_;
};

}  // namespace

BarrierKindPtr make_window(KindText const& kind) {
  return std::make_shared<WindowKind>(kind.text,
                                      kind_number(kind.argument.value_or(""), kind, 1, kWidest));
}

}  // namespace fedstrata
