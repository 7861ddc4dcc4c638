#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fedstrata {

/// One of `analysis.kinds`, taken apart.
struct Kind {
  enum class Family {
    full,         ///< all layers
    layer,        ///< each layer alone
    cumulative,   ///< one more layer at a time, in `order`
    window,       ///< `count` consecutive layers
    group,        ///< the layers that `layers` selects
    complement,   ///< all layers but one
    interaction,  ///< two layers together against each alone
    subset,       ///< random elements of the whole row, as many as a layer has; `count` draws
    random,       ///< a random direction of the same length; `count` draws
    subspace,     ///< noise in and outside of the span of the trajectory; `count` draws
    plane         ///< the plane through three clients
  } family = Family::full;
  enum class Order { shallow, deep, random, minimal } order = Order::shallow;
  std::string name;        ///< as in column `kind`
  std::int64_t count = 0;  ///< window: layers; subset, random, subspace: draws
  std::string group;       ///< group: its name
  std::string layers;      ///< group: selectors joined by commas; plane: a layer or ""
  std::array<std::int64_t, 3> clients{};  ///< plane

  /// Is it drawn at random, `count` times?
  bool drawn() const {
    return family == Family::subset || family == Family::random || family == Family::subspace;
  }
};

/// Reads one kind. Throws InputError that says what is allowed.
Kind parse_kind(std::string const& text);

/// What parse_kind() takes, in words.
std::string kinds_allowed();

}  // namespace fedstrata
