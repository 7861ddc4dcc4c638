#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace fedstrata {

/// Labelled images as bytes: pixels uint8 [count, channels, height, width], labels uint8 [count].
struct ImageSplit {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
};

/// What is known about a data set beside its bytes.
struct DatasetInfo {
  std::string name;
  std::int64_t channels = 0, height = 0, width = 0, classes = 0;
  std::int64_t train_count = 0, test_count = 0;  ///< after train_limit and test_limit
  std::vector<double> mean, std;                 ///< per channel, of pixels scaled to [0, 1]
};

/// A data set in memory.
struct Dataset {
  DatasetInfo info;
  ImageSplit train, test;
};

/// Names of the data sets known, in alphabetical order.
std::vector<std::string> dataset_names();

/// Shape and classes of a data set without reading its files (counts are 0, mean and std those
/// published, or empty for `synthetic`, whose own are computed). Throws InputError that lists the
/// names when there is none so called.
DatasetInfo describe_dataset(std::string const& name);

/// Reads the files (IDX plain or gzipped, CIFAR binary) from data.dir, or from the sub-folder that
/// the published archive or torchvision makes there, or makes the synthetic set from `seed`; keeps
/// the first records up to the limits. Files may hold fewer records than published ones. Throws
/// InputError naming the file: absent, truncated, wrong magic, counts that differ, wrong image
/// size, label out of range, incomplete record.
Dataset load_dataset(DataConfig const& config, std::uint64_t seed);

/// A data set's bytes where they lie (this process's memory or a window shared by a node).
struct DatasetView {
  DatasetInfo info;
  std::span<std::uint8_t const> train_pixels, train_labels, test_pixels, test_labels;
};
DatasetView view(Dataset const& dataset);

/// Checksum of all images and labels, 16 hexadecimal digits.
std::string content_checksum(DatasetView const& view);

/// 2,000 training and 500 test images of 10 classes, less where the limits cut. Each image mixes
/// the smooth pattern of its class with a weaker one of another class, shifted and noisy: easy
/// to learn well, but about one in eleven cannot be told. info.mean and info.std are of its pixels.
Dataset make_synthetic(DataConfig const& config, std::uint64_t seed);

}  // namespace fedstrata
