#pragma once
#include <compare>
#include <cstdint>
#include <vector>

namespace fedstrata {

/// A model that an analysis looks at: one that is stored, or one made of others. `base`, `partner`
/// and `third` are indices of earlier specs.
struct ModelSpec {
  enum class Kind {
    trained,     ///< `client` in `round`, of this run or the other one
    mean,        ///< weighted mean of `members`, weighted as when they are averaged
    initial,     ///< `client`'s initialisation
    aligned,     ///< base with its units permuted to match the partner's
    subset,      ///< base with `elements` random elements from the partner
    random,      ///< base and a random direction as long as the way to the partner
    span,        ///< the same, in the span of the base's trajectory over the stored rounds
    complement,  ///< the same, in the complement of that span
    plane        ///< base + v (third - partner)
  } kind = Kind::trained;
  std::int64_t client = 0;
  std::int64_t round = 0;
  bool other_run = false;
  int base = -1;
  int partner = -1;
  int third = -1;
  bool by_layer = false;  ///< is the direction as long as the way to the partner in every layer?
  std::int64_t draw = 0;
  std::int64_t elements = 0;
  int target = 0;  ///< subset: the layer by which the draw is keyed
  double v = 0.0;
  std::vector<std::int64_t> members = {};  ///< mean: ids, ascending; none: all participants
  auto operator<=>(ModelSpec const&) const = default;
};

}  // namespace fedstrata
