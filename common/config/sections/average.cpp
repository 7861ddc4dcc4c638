#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {

std::vector<Key<AverageGroup>> average_keys() {
  return {
      text("layers", &AverageGroup::layers, "selectors joined by commas", not_empty,
           "layers of the group"),
      number("every", &AverageGroup::every, at_least(0), "rounds",
             "interval of averages; 0 = never, the layers stay personal"),
      number("offset", &AverageGroup::offset, at_least(0), "rounds",
             "average in rounds r with (r - offset) mod every = 0"),
      number("from", &AverageGroup::from, at_least(1), "rounds", "first round that may average"),
      number("until", &AverageGroup::until, at_least(0), "rounds",
             "last round that may average; 0 = no end"),
  };
}

}  // namespace fedstrata::keys
