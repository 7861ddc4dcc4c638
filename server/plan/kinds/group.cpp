#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/federation/schedule.hpp"
#include "server/plan/kinds/kinds.hpp"
#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {
namespace {

/// A named group of layers.
class GroupKind final : public LayerSetKind {
 public:
  GroupKind(std::string const& text, std::string name, std::string selectors)
      : LayerSetKind(text, "group"), name_(std::move(name)), selectors_(std::move(selectors)) {}

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    auto layers = select_layers(selectors_, table, {}, "analysis.kinds (group:" + name_ + ")");
    return {{name_, std::move(layers)}};
  }

 private:
  std::string name_;
  std::string selectors_;  ///< joined by commas
};

}  // namespace

BarrierKindPtr make_group(KindText const& kind) {
  auto const argument = kind.argument.value_or("");
  auto const equals = argument.find('=');
  require_input(
      equals != std::string::npos && equals > 0 && equals + 1 < argument.size(),
      kind_problem("'" + kind.text + "' is not of the form group:NAME=SELECTOR+SELECTOR..."));
  return std::make_shared<GroupKind>(kind.text, argument.substr(0, equals),
                                     join(split(argument.substr(equals + 1), '+'), ","));
}

}  // namespace fedstrata
