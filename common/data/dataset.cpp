#include "common/data/dataset.hpp"

#include <algorithm>
#include <array>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/data/forms/forms.hpp"

namespace fedstrata {
namespace {

DatasetEntry entry_of(DataConfig const& config) {
  if (is_own_file(config)) return own_file(config);
  auto const& all = dataset_entries();
  auto const found =
      std::ranges::find(all, config.dataset, [](auto const& entry) { return entry.info.name; });
  require_input(found != all.end(), "data.dataset = " + config.dataset +
                                        " is not known: choose one of " +
                                        join(dataset_names(), ", ") + ", or file:FILE.h5");
  return *found;
}

}  // namespace

std::int64_t DatasetInfo::input_size() const {
  std::int64_t size = 1;
  for (auto const n : shape) size *= n;
  return size;
}

std::int64_t DatasetInfo::input_bytes() const {
  return input_size() * (inputs == Inputs::pixels ? 1 : 4);
}

std::int64_t DatasetInfo::target_bytes() const {
  return targets == Targets::labels ? 1 : 4 * outputs;
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (auto const& entry : dataset_entries()) names.push_back(entry.info.name);
  return names;
}

DatasetInfo describe_dataset(DataConfig const& config) { return entry_of(config).info; }

Dataset load_dataset(DataConfig const& config, std::uint64_t seed) {
  auto const entry = entry_of(config);
  Dataset dataset{.info = entry.info, .train = {}, .test = {}};
  entry.load(dataset, config, seed);
  auto const count = [&](Split const& split) {
    return static_cast<std::int64_t>(split.targets.size()) / entry.info.target_bytes();
  };
  dataset.info.train_count = count(dataset.train);
  dataset.info.test_count = count(dataset.test);
  return dataset;
}

DatasetView view(Dataset const& dataset) {
  return {.info = dataset.info, .train = dataset.train, .test = dataset.test};
}

std::string content_checksum(DatasetView const& view) {
  std::array<std::uint64_t, 4> sums{};
  std::span<std::uint8_t const> const parts[] = {view.train.inputs, view.train.targets,
                                                 view.test.inputs, view.test.targets};
  for (std::size_t i = 0; i < sums.size(); ++i) {
    Checksum sum;
    sum.add(std::as_bytes(parts[i]));
    sums[i] = sum.value();
  }
  return checksum_of(std::as_bytes(std::span(sums))).checksum;
}

}  // namespace fedstrata
