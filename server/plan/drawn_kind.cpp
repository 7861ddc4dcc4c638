#include "server/plan/drawn_kind.hpp"

namespace fedstrata {

bool DrawnKind::by_layer(Target const& target, LayerTable const& table) {
  return target.layers.size() < table.layers.size() || table.layers.size() == 1;
}

void DrawnKind::add_draws(CurveBuilder& curves, Group& group, Ends const& ends, ModelSpec spec,
                          Target const& target, std::string const& label) const {
  for (std::int64_t draw = 0; draw < draws_; ++draw) {
    spec.draw = draw;
    for (bool const into_b : {false, true}) {
      spec.base = into_b ? ends.b : ends.a;
      spec.partner = into_b ? ends.a : ends.b;
      int const moved = curves.model(spec);
      CurveKey const key{.kind = label,
                         .target = target.name,
                         .a = ends.id_a,
                         .b = ends.id_b,
                         .rest = into_b ? ends.rest_b : ends.id_a,
                         .draw = draw};
      Path const path = into_b ? Path{moved, ends.b, target.layers, ends.b}
                               : Path{ends.a, moved, target.layers, ends.a};
      curves.add_line(group, ends, key, path).drawn = true;
    }
  }
}

}  // namespace fedstrata
