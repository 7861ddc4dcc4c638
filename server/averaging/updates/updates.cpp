#include "server/averaging/updates/updates.hpp"

#include <algorithm>
#include <iterator>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/keys.hpp"

namespace fedstrata {
namespace {

/// Every option is honoured or refused.
void check_keys(AverageGroup const& group, Update const& update) {
  for (auto const& key : group_keys()) {
    bool const is_read = std::ranges::find(update.keys, key.name) != update.keys.end();
    if (is_read || !key.name.starts_with("update_")) continue;
    require_input(key.get(group) == key.get(AverageGroup{}),
                  "average." + group.name + "." + key.name + " = " + key.get(group) +
                      " has no meaning with average." + group.name + ".update = " + group.update +
                      (update.keys.empty() ? ", which has no settings"
                                           : ", which reads " + join(update.keys, ", ")) +
                      "; leave it out");
  }
}

}  // namespace

Update make_update(AverageGroup const& group) {
  auto const entry =
      std::ranges::find_if(kUpdates, [&](UpdateEntry const& e) { return group.update == e.name; });
  if (entry == std::end(kUpdates)) {
    std::vector<std::string> names;
    for (auto const& known : kUpdates) names.emplace_back(known.name);
    throw InputError("average." + group.name + ".update = " + group.update + " is unknown" +
                     suggestion(group.update, names) + " (updates: " + join(names, ", ") + ")");
  }
  require_input(group.every > 0 || group.update == "mean",
                "average." + group.name + ".update = " + group.update + ", but average." +
                    group.name + ".every = 0 never averages; leave one of them out");
  auto update = entry->make(group);
  check_keys(group, update);
  return update;
}

}  // namespace fedstrata
