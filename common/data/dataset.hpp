#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/config/datasets.hpp"

namespace fedstrata {

/// How the inputs of samples lie in memory: pixels uint8 [channels, height, width], or features
/// float32 of any shape.
enum class Inputs { pixels, features };

/// How their targets do: a label uint8 below `outputs`, or values float32 [outputs].
enum class Targets { labels, values };

/// What is known about a data set beside its samples.
struct DatasetInfo {
  std::string name;
  std::string task = "classification";  ///< what it is for (common/tasks/tasks.hpp)
  Inputs inputs = Inputs::pixels;
  Targets targets = Targets::labels;
  std::vector<std::int64_t> shape;               ///< of one sample's input
  std::int64_t outputs = 0;                      ///< classes, or values of one sample's target
  std::int64_t train_count = 0, test_count = 0;  ///< after train_limit and test_limit
  /// Of the training set, by which inputs are normalised, one for each entry of the first axis of
  /// `shape`: per channel (of pixels scaled to [0, 1]) or per feature. Empty: features are used as
  /// they are.
  std::vector<double> mean = {}, std = {};
  std::int64_t owners = 0;  ///< clients whose samples the training set has; 0: not known

  /// Numbers in one input.
  std::int64_t input_size() const;
  /// Bytes of one sample's input, and of its target.
  std::int64_t input_bytes() const;
  std::int64_t target_bytes() const;
  /// Classes, 0 where targets are no labels.
  std::int64_t classes() const { return targets == Targets::labels ? outputs : 0; }
};

/// Samples as bytes, one after another, where they lie: [count, input_bytes] and [count,
/// target_bytes], aligned for their type.
struct SplitView {
  std::span<std::uint8_t const> inputs, targets;
  std::span<std::int32_t const> owners = {};  ///< the client whose sample it is, or none: not known
};

/// Samples as bytes in memory of their own.
struct Split {
  std::vector<std::uint8_t> inputs, targets;
  std::vector<std::int32_t> owners = {};

  operator SplitView() const { return {inputs, targets, owners}; }
};

/// A data set in memory.
struct Dataset {
  DatasetInfo info;
  Split train, test;
};

/// Shape and outputs of a data set without reading its samples (counts are 0, mean and std those
/// published, or empty for made-up sets, whose own are computed). Of a file of the user's own
/// (file:FILE.h5) what it says of itself. Throws InputError that lists the names when there is none
/// so called, and as load_dataset for such a file.
DatasetInfo describe_dataset(DataConfig const& config);

/// Reads the files (IDX or CIFAR's binary ones, plain or gzipped) from data.dir, or from the
/// sub-folder that the published archive or torchvision makes there, or the user's own file
/// (docs/data.md), or makes the samples of a made-up set from `seed`; keeps the first samples up to
/// the limits. Files may hold fewer than the published ones. Throws InputError naming the file:
/// absent, truncated, wrong magic, counts that differ, wrong image size, label out of range,
/// incomplete record.
Dataset load_dataset(DataConfig const& config, std::uint64_t seed);

/// A data set's bytes where they lie (this process's memory or a window shared by a node).
struct DatasetView {
  DatasetInfo info;
  SplitView train, test;
};
DatasetView view(Dataset const& dataset);

/// Checksum of all inputs and targets, 16 hexadecimal digits.
std::string content_checksum(DatasetView const& view);

}  // namespace fedstrata
