#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/base/random.hpp"
#include "common/data/forms/forms.hpp"
#include "common/data/forms/image_files.hpp"

namespace fedstrata {
namespace {

constexpr std::uint64_t kTrainCount = 2000, kTestCount = 500;
constexpr double kNoise = 0.15;    // standard deviation of a pixel
constexpr double kWeakest = 0.45;  // smallest share of the own pattern: below 1/2 nobody can tell
constexpr std::uint64_t kShifts = 5;  // places, per direction

using Pattern = std::vector<double>;  // height x width, periodic, values about -1 to 1

// A few waves with whole periods, so that a shifted pattern has no seam.
Pattern make_pattern(DatasetInfo const& info, Random& random) {
  auto const height = info.shape[1], width = info.shape[2];
  Pattern pattern(static_cast<std::size_t>(height * width));
  for (int wave = 0; wave < 4; ++wave) {
    auto const period_y = static_cast<double>(random.below(4));
    auto const period_x = static_cast<double>(random.below(3) + 1);
    double const phase = random.uniform();
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        double const turns = period_y * static_cast<double>(y) / static_cast<double>(height) +
                             period_x * static_cast<double>(x) / static_cast<double>(width);
        pattern[static_cast<std::size_t>(y * width + x)] +=
            0.5 * std::cos(2.0 * std::numbers::pi * (turns + phase));
      }
  }
  return pattern;
}

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::lround(255.0 * std::clamp(value, 0.0, 1.0)));
}

void append_image(DatasetInfo const& info, std::vector<Pattern> const& patterns, Random& random,
                  Split& split) {
  auto const label = random.below(patterns.size());
  auto const other = (label + 1 + random.below(patterns.size() - 1)) % patterns.size();
  double const share = kWeakest + (1.0 - kWeakest) * random.uniform();
  auto const shift_y = random.below(kShifts), shift_x = random.below(kShifts);
  auto const height = static_cast<std::size_t>(info.shape[1]);
  auto const width = static_cast<std::size_t>(info.shape[2]);
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x) {
      auto const at = (y + shift_y) % height * width + (x + shift_x) % width;
      double const mix = share * patterns[label][at] + (1.0 - share) * patterns[other][at];
      split.inputs.push_back(to_byte(0.5 + 0.3 * mix + kNoise * random.normal()));
    }
  split.targets.push_back(static_cast<std::uint8_t>(label));
}

// Every image has a stream of its own: limits change none of those that stay.
Split make_split(DatasetInfo const& info, std::vector<Pattern> const& patterns, std::uint64_t count,
                 std::uint64_t seed, std::uint64_t which) {
  Split split;
  for (std::uint64_t i = 0; i < count; ++i) {
    Random random(seed, Purpose::synthetic_data, i, which);
    append_image(info, patterns, random, split);
  }
  return split;
}

void make(Dataset& dataset, DataConfig const& config, std::uint64_t seed) {
  auto& info = dataset.info;
  Random random(seed, Purpose::synthetic_data);
  std::vector<Pattern> patterns;
  for (std::int64_t i = 0; i < info.outputs; ++i) patterns.push_back(make_pattern(info, random));
  dataset.train = make_split(info, patterns, kept(kTrainCount, config.train_limit), seed, 1);
  dataset.test = make_split(info, patterns, kept(kTestCount, config.test_limit), seed, 2);

  double sum = 0.0, squares = 0.0;
  for (auto const byte : dataset.train.inputs) {
    sum += byte / 255.0;
    squares += (byte / 255.0) * (byte / 255.0);
  }
  auto const pixels = static_cast<double>(dataset.train.inputs.size());
  info.mean = {sum / pixels};
  info.std = {std::sqrt(squares / pixels - info.mean[0] * info.mean[0])};
}

}  // namespace

/// 2,000 training and 500 test images of 10 classes, less where the limits cut. Each image mixes
/// the smooth pattern of its class with a weaker one of another class, shifted and noisy: easy
/// to learn well, but about one in eleven cannot be told. info.mean and info.std are of its pixels.
std::vector<DatasetEntry> synthetic_images() {
  return {{image_info("synthetic", {1, 28, 28}, 10, {}, {}), make}};
}

}  // namespace fedstrata
