#include <algorithm>

#include "common/config_keys.hpp"
#include "common/error.hpp"
#include "common/text.hpp"

namespace fedstrata {
namespace {

void check_pairs(Config const& config, std::string const& source) {
  if (config.analysis.pairs.find('-') == std::string::npos) return;
  for (auto const& pair : split(config.analysis.pairs, ',')) {
    for (auto const& end : split(pair, '-')) {
      std::int64_t client = -1;
      require_input(read_number(end, client) && client >= 0 && client < config.data.clients,
                    source + ": analysis.pairs names client " + end + ", but data.clients = " +
                        std::to_string(config.data.clients) + " (ids from 0)");
    }
  }
}

void check_groups(Config const& config, std::string const& source) {
  for (auto const& group : config.average) {
    std::string const section = source + ": average." + group.name;
    require_input(group.until == 0 || group.until >= group.from,
                  section + ".until = " + std::to_string(group.until) + " lies before " +
                      "average." + group.name + ".from = " + std::to_string(group.from));
  }
  require_input(config.federation.preset.empty() || config.average.empty(),
                source + ": federation.preset = " + config.federation.preset +
                    " and [average.*] sections exclude each other; keep one of them");
}

}  // namespace

void check_consistency(Config const& config, std::string const& source) {
  auto const& federation = config.federation;
  require_input(federation.local_steps == 0 || federation.local_epochs == 0,
                source + ": federation.local_epochs = " + std::to_string(federation.local_epochs) +
                    " and federation.local_steps = " + std::to_string(federation.local_steps) +
                    " exclude each other; set one of them to 0 or leave it out");
  require_input(
      federation.local_steps > 0 || federation.local_epochs > 0,
      source + ": federation.local_epochs and federation.local_steps are both 0; set one");
  require_input(!config.train.nesterov || config.train.momentum > 0,
                source + ": train.nesterov = yes needs train.momentum > 0");
  check_groups(config, source);
  check_pairs(config, source);
}

}  // namespace fedstrata
