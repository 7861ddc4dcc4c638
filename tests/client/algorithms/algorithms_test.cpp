// The names that the configuration takes are those of the registries: it is checked where no client
// code is at hand (sweeps, --print-config), so both lists stand in the sources.
#include "client/algorithms/algorithms.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "client/algorithms/correction.hpp"
#include "client/algorithms/optimizer.hpp"
#include "common/base/text.hpp"
#include "common/config/keys.hpp"

namespace fedstrata {
namespace {

std::vector<std::string> allowed(std::string const& key) {
  auto const found = std::ranges::find(config_keys(), key, &Key<Config>::name);
  auto words = split(found->allowed, '|');
  for (auto& word : words) word = trim(word);
  return words;
}

TEST(AlgorithmsTest, the_configuration_takes_every_optimizer_and_no_other) {
  std::vector<std::string> names;
  for (auto const& entry : kOptimizers) names.push_back(entry.name);
  EXPECT_THAT(allowed("train.optimizer"), testing::UnorderedElementsAreArray(names));
}

TEST(AlgorithmsTest, the_configuration_takes_every_correction_and_none) {
  std::vector<std::string> names = {"none"};
  for (auto const& entry : kCorrections) names.push_back(entry.name);
  EXPECT_THAT(allowed("train.correction"), testing::UnorderedElementsAreArray(names));
}

}  // namespace
}  // namespace fedstrata
