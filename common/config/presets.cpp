#include "common/config/presets.hpp"

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

std::vector<std::string> const& preset_names() {
  static std::vector<std::string> const names = {"fedavg", "fedper", "lg-fedavg", "fedbn", "local"};
  return names;
}

std::vector<AverageGroup> preset_groups(std::string const& preset) {
  if (preset == "fedavg") return {{.name = "all", .layers = "all"}};
  if (preset == "fedper") {
    return {{.name = "body", .layers = "body"}, {.name = "head", .layers = "head", .every = 0}};
  }
  if (preset == "lg-fedavg") {
    return {{.name = "body", .layers = "body", .every = 0}, {.name = "head", .layers = "head"}};
  }
  if (preset == "fedbn") return {{.name = "shared", .layers = "all,!type:norm"}};
  if (preset == "local") return {{.name = "all", .layers = "all", .every = 0}};
  throw InputError("federation.preset = " + preset + " is unknown" +
                   suggestion(preset, preset_names()) + " (presets: " + join(preset_names(), ", ") +
                   ")");
}

std::vector<AverageGroup> averaging_groups(Config const& config) {
  if (!config.federation.preset.empty()) return preset_groups(config.federation.preset);
  return config.average.empty() ? std::vector<AverageGroup>{AverageGroup{}} : config.average;
}

}  // namespace fedstrata
