#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "client/algorithms/algorithms.hpp"
#include "common/base/random.hpp"
#include "common/config/options.hpp"
#include "common/data/dataset.hpp"
#include "common/federation/experiment.hpp"

namespace fedstrata {

/// Images of noise around a level that depends on the class, in memory.
inline Dataset tiny_data(std::int64_t side = 6, std::int64_t channels = 1,
                         std::int64_t train_count = 90, std::int64_t test_count = 30,
                         std::int64_t classes = 3) {
  Dataset data;
  data.info = {.name = "tiny",
               .shape = {channels, side, side},
               .outputs = classes,
               .train_count = train_count,
               .test_count = test_count};
  data.info.mean.assign(static_cast<std::size_t>(channels), 0.45);
  data.info.std.assign(static_cast<std::size_t>(channels), 0.25);
  Random random(17, Purpose::synthetic_data);
  auto const fill = [&](Split& split, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      auto const label = random.below(static_cast<std::uint64_t>(classes));
      split.targets.push_back(static_cast<std::uint8_t>(label));
      for (std::int64_t p = 0; p < channels * side * side; ++p) {
        split.inputs.push_back(static_cast<std::uint8_t>(30 * label + random.below(160)));
      }
    }
  };
  fill(data.train, train_count);
  fill(data.test, test_count);
  return data;
}

/// An experiment on it; `settings` are "section.key=value".
inline Experiment tiny_experiment(Dataset const& data, std::string const& text,
                                  std::vector<std::string> const& settings = {}) {
  auto config = parse_config(text, "test", settings);
  auto fields = state_fields(config.train);
  return {std::move(config), data.info, data.train.targets, std::move(fields)};
}

}  // namespace fedstrata
