#include "common/base/error.hpp"
#include "common/config/config.hpp"
#include "server/plan/drawn_kind.hpp"
#include "server/plan/kinds/kinds.hpp"

namespace fedstrata {
namespace {

/// Noise within and outside of the span of the client's trajectory over the stored rounds, beside
/// the way to the partner; all of one length.
class SubspaceKind final : public DrawnKind {
 public:
  using DrawnKind::DrawnKind;

  void check(Config const& config, std::string const& source) const override {
    require_input(config.analysis.every == 0,
                  source +
                      ": analysis.kinds: subspace needs the checkpoints of the whole run; "
                      "leave it to `fedstrata analyze`");
  }
  std::size_t stored_rounds() const override { return 3; }

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    return each_layer_and_whole(table);
  }

  void add_pair(CurveBuilder& curves, Group& group, Ends const& ends,
                std::vector<Target> const& targets, std::string const&) const override {
    auto const& input = curves.input();
    require_input(ends.id_b >= 0 && curves.plan().other_run.empty(),
                  "analysis.kinds: subspace compares clients of one run; with analysis.pairs = " +
                      input.config.pairs.text + " leave it out");
    for (auto const& target : targets) {
      ModelSpec spec{.by_layer = by_layer(target, input.table)};
      spec.kind = ModelSpec::Kind::span;
      add_draws(curves, group, ends, spec, target, "subspace-span");
      spec.kind = ModelSpec::Kind::complement;
      add_draws(curves, group, ends, spec, target, "subspace-complement");
      for (bool const into_b : {false, true}) {
        CurveKey const key{.kind = "subspace-towards",
                           .target = target.name,
                           .a = ends.id_a,
                           .b = ends.id_b,
                           .rest = into_b ? ends.rest_b : ends.id_a};
        curves.add_line(group, ends, key,
                        {ends.a, ends.b, target.layers, into_b ? ends.b : ends.a});
      }
    }
  }
};

}  // namespace

BarrierKindPtr make_subspace(KindText const& kind) {
  return std::make_shared<SubspaceKind>(kind.text, kind_draws(kind));
}

}  // namespace fedstrata
