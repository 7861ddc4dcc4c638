#include "common/config/presets.hpp"

#include <map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

namespace {

/// What to set for strategies of the field that are no sets of layers, and so no presets.
std::string as_settings(std::string const& strategy) {
  static std::map<std::string, std::string> const settings = {
      {"fedprox", "train.correction = prox"},      {"fedavgm", "average.NAME.update = momentum"},
      {"fedadam", "average.NAME.update = adam"},   {"fedadagrad", "average.NAME.update = adagrad"},
      {"fedyogi", "average.NAME.update = yogi"},   {"diloco", "average.NAME.update = nesterov"},
      {"fednova", "average.NAME.update = nova"},   {"fedlws", "average.NAME.update = lws"},
      {"scaffold", "train.correction = scaffold"}, {"feddyn", "train.correction = feddyn"},
      {"fedsam", "train.sam_rho = 0.05"}};
  auto const found = settings.find(strategy);
  return found == settings.end() ? "" : "; what you mean is " + found->second;
}

}  // namespace

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
  auto const settings = as_settings(preset);
  throw InputError("federation.preset = " + preset + " is unknown" +
                   (settings.empty() ? suggestion(preset, preset_names()) : settings) +
                   " (allowed: " + join(preset_names(), " | ") + ")");
}

std::vector<AverageGroup> averaging_groups(Config const& config) {
  if (!config.federation.preset.empty()) return preset_groups(config.federation.preset);
  return config.average.empty() ? std::vector<AverageGroup>{AverageGroup{}} : config.average;
}

}  // namespace fedstrata
