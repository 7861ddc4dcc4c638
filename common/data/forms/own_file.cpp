#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/datasets.hpp"
#include "common/data/forms/forms.hpp"
#include "common/hdf5/file.hpp"
#include "common/model/shape.hpp"

// A data set of the user's own: one HDF5 file, whose form docs/data.md gives. It says all that must
// be known of it, so it has no line among the data sets with names. What others wrote is checked
// here once: after this, samples are bytes like those of any other set.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using hdf5::Values;

constexpr std::int64_t kMostClasses = 256;

/// "[N, 28, 28]".
std::string with_samples(Dimensions const& shape) {
  std::string result = "[N";
  for (auto const n : shape) result += ", " + std::to_string(n);
  return result + "]";
}

/// The file that data.dataset names. All messages begin with its path.
class OwnFile {
 public:
  explicit OwnFile(DataConfig const& config)
      : path_(fs::path(config.dir) / config.dataset.substr(std::string(kFilePrefix).size())),
        file_(opened(config)) {
    for (std::string const part : {"train", "test"}) {
      for (std::string const name : {"inputs", "targets"}) {
        need(file_.has("/" + part + "/" + name), "has no dataset " + part + "/" + name);
      }
      need(!file_.has("/" + part + "/weight"),
           "weighs its samples (" + part + "/weight), which is not supported; leave that out");
    }
  }

  [[noreturn]] void fail(std::string const& what) const {
    throw InputError("data.dataset: " + path_.string() + " " + what +
                     " (docs/data.md has the form)");
  }
  void need(bool ok, std::string const& what) const {
    if (!ok) fail(what);
  }

  DatasetInfo info(DataConfig const& config) const {
    DatasetInfo info;
    info.name = config.dataset;
    find_inputs(info);
    find_targets(info);
    if (file_.has_attribute("/", "mean") || file_.has_attribute("/", "std")) find_scaling(info);
    info.train_count = first_axis("train/inputs");
    info.test_count = first_axis("test/inputs");
    if (file_.has("/train/client")) info.owners = 1;  // how many, its numbers tell
    return info;
  }

  void load(Dataset& dataset, DataConfig const& config) const {
    auto& info = dataset.info;
    read(dataset.train, info, "train", config.train_limit);
    read(dataset.test, info, "test", config.test_limit);
    if (info.owners > 0) read_owners(dataset);
    if (info.inputs == Inputs::pixels && info.mean.empty()) measure(dataset);
  }

 private:
  hdf5::File opened(DataConfig const& config) const {
    std::error_code ignored;
    auto const where = config.dir.empty() ? "" : " (relative to data.dir)";
    require_input(fs::exists(path_, ignored), "data.dataset = " + config.dataset +
                                                  ": there is no file " + path_.string() + where +
                                                  beginning_of(path_.string()));
    try {
      return hdf5::File::open(path_);
    } catch (Error const&) {
      fail("is no whole HDF5 file; python -m fedstrata data makes one of other forms");
    }
  }

  /// What HDF5 says of values that it cannot read.
  template <class Work>
  auto reading(Work work) const {
    try {
      return work();
    } catch (InputError const&) {
      throw;
    } catch (Error const& error) {
      fail(std::string("cannot be read: ") + error.what());
    }
  }

  std::int64_t first_axis(std::string const& name) const {
    return reading([&] {
      auto const shape = file_.shape("/" + name);
      need(!shape.empty() && shape[0] > 0, "has no samples in " + name);
      return shape[0];
    });
  }

  /// Of one sample.
  std::vector<std::int64_t> shape_of(std::string const& name) const {
    first_axis(name);
    auto shape = file_.shape("/" + name);
    shape.erase(shape.begin());
    return shape;
  }

  Values values_of(std::string const& name) const {
    return reading([&] { return file_.values("/" + name); });
  }

  void find_inputs(DatasetInfo& info) const {
    auto shape = shape_of("train/inputs");
    auto const values = values_of("train/inputs");
    auto const text = with_samples(shape);
    need(shape_of("test/inputs") == shape,
         "has inputs of shape " + with_samples(shape) + " for training, and of shape " +
             with_samples(shape_of("test/inputs")) + " for testing");
    need(values_of("test/inputs") == values,
         "has inputs of one type for training and of another for testing");
    need(std::ranges::all_of(shape, [](auto n) { return n > 0; }),
         "has inputs of no size, " + text);
    if (values == Values::bytes) {
      if (shape.size() == 2) shape.insert(shape.begin(), 1);
      need(shape.size() == 3,
           "has bytes as inputs of shape " + text +
               ": images are [N, channels, height, width] or [N, height, width]; "
               "write other numbers as float32");
      need(!(shape[2] <= 4 && shape[0] > 4), "has images of shape " + text +
                                                 ", as if their channels came last: write them as "
                                                 "[N, channels, height, width]");
      info.inputs = Inputs::pixels;
    } else {
      need(values == Values::floats,
           "has inputs that are neither bytes (images) nor floats: write numbers as float32");
      need(!shape.empty(), "has inputs of shape [N]: write one number a sample as [N, 1]");
      info.inputs = Inputs::features;
    }
    info.shape = std::move(shape);
  }

  void find_targets(DatasetInfo& info) const {
    auto const shape = shape_of("train/targets");
    auto const values = values_of("train/targets");
    for (std::string const part : {"train", "test"}) {
      auto const name = part + "/targets";
      need(shape_of(name) == shape && values_of(name) == values,
           "has targets of one shape or type for training and of another for testing");
      need(first_axis(name) == first_axis(part + "/inputs"),
           "has " + std::to_string(first_axis(part + "/inputs")) + " inputs and " +
               std::to_string(first_axis(name)) + " targets in " + part);
    }
    if (values == Values::floats) {
      need(shape.size() <= 1 && (shape.empty() || shape[0] > 0),
           "has values as targets of shape " + with_samples(shape) + ": they are [N] or [N, K]");
      info.task = "regression";
      info.targets = Targets::values;
      info.outputs = shape.empty() ? 1 : shape[0];
      return;
    }
    need(values != Values::other && shape.empty(),
         "has targets that are neither labels (integers [N]) nor values (floats [N] or [N, K])");
    info.targets = Targets::labels;
    info.outputs = file_.has_attribute("/", "classes") ? given_classes() : count_in_files();
  }

  std::int64_t given_classes() const {
    auto const classes = reading([&] { return file_.integer("/", "classes"); });
    need(classes >= 2 && classes <= kMostClasses,
         "has the attribute classes = " + std::to_string(classes) + ": from 2 to " +
             std::to_string(kMostClasses) + " are supported");
    return classes;
  }

  /// The largest label of either part and one.
  std::int64_t count_in_files() const {
    std::int64_t most = 1;
    for (std::string const part : {"train", "test"}) {
      for (auto const label : integers(part + "/targets", first_axis(part + "/targets")))
        most = std::max(most, label);
    }
    need(most < kMostClasses, "has the label " + std::to_string(most) + ": at most " +
                                  std::to_string(kMostClasses) +
                                  " classes are supported, from 0 on");
    return most + 1;
  }

  void find_scaling(DatasetInfo& info) const {
    for (std::string const name : {"mean", "std"}) {
      need(file_.has_attribute("/", name), "has only one of the attributes mean and std");
      auto const values = reading([&] { return file_.numbers("/", name); });
      need(std::ssize(values) == info.shape[0],
           "has " + std::to_string(values.size()) + " numbers in the attribute " + name + ", but " +
               std::to_string(info.shape[0]) + " " +
               (info.shape.size() > 1 ? "channels" : "features"));
      for (auto const value : values)
        need(std::isfinite(value) && (name == "mean" || value > 0.0),
             "has " + std::to_string(value) + " in the attribute " + name);
      (name == "mean" ? info.mean : info.std) = values;
    }
  }

  std::vector<std::int64_t> integers(std::string const& name, std::int64_t count) const {
    return reading([&] {
      auto const shape = file_.shape("/" + name);
      need(shape.size() == 1 && shape[0] >= count,
           "has " + name + " of another length than inputs");
      std::vector<std::int64_t> values(static_cast<std::size_t>(count));
      file_.read_first("/" + name, std::span(values));
      return values;
    });
  }

  /// [count, size] floats as bytes, all finite.
  std::vector<std::uint8_t> floats(std::string const& name, std::int64_t count,
                                   std::int64_t size) const {
    return reading([&] {
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count * size) * sizeof(float));
      std::span const values(reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float));
      file_.read_first("/" + name, values);
      auto const bad = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
      need(bad == values.end(), "has a number in " + name + " that is not finite, of sample " +
                                    std::to_string((bad - values.begin()) / size));
      return bytes;
    });
  }

  void read(Split& split, DatasetInfo const& info, std::string const& part,
            std::int64_t limit) const {
    auto const all = static_cast<std::uint64_t>(first_axis(part + "/inputs"));
    auto const count = static_cast<std::int64_t>(kept(all, limit));
    auto const inputs = part + "/inputs", targets = part + "/targets";
    if (info.inputs == Inputs::pixels) {
      split.inputs.resize(static_cast<std::size_t>(count * info.input_bytes()));
      reading([&] { file_.read_first("/" + inputs, std::span(split.inputs)); });
    } else {
      split.inputs = floats(inputs, count, info.input_size());
    }
    if (info.targets == Targets::values) {
      split.targets = floats(targets, count, info.outputs);
      return;
    }
    for (auto const label : integers(targets, count)) {
      need(label >= 0 && label < info.outputs,
           "has the label " + std::to_string(label) + " of sample " +
               std::to_string(split.targets.size()) + " in " + targets +
               ", but labels are from 0 to " + std::to_string(info.outputs - 1));
      split.targets.push_back(static_cast<std::uint8_t>(label));
    }
  }

  void read_owners(Dataset& dataset) const {
    auto const count = std::ssize(dataset.train.targets) / dataset.info.target_bytes();
    need(first_axis("train/client") == first_axis("train/inputs"),
         "has train/client of another length than train/inputs");
    need(
        values_of("train/client") == Values::integers || values_of("train/client") == Values::bytes,
        "has a train/client that is not of integers");
    for (auto const client : integers("train/client", count)) {
      need(client >= 0 && client <= std::numeric_limits<std::int32_t>::max(),
           "has client " + std::to_string(client) + " of sample " +
               std::to_string(dataset.train.owners.size()) +
               " in train/client: they are numbered from 0");
      dataset.info.owners = std::max(dataset.info.owners, client + 1);
      dataset.train.owners.push_back(static_cast<std::int32_t>(client));
    }
  }

  /// Mean and deviation of each channel of the training pixels, scaled to [0, 1].
  static void measure(Dataset& dataset) {
    auto const& shape = dataset.info.shape;
    auto const channels = static_cast<std::size_t>(shape[0]);
    auto const pixels = static_cast<std::size_t>(shape[1] * shape[2]);
    std::vector<std::uint64_t> sums(channels), squares(channels);
    auto const& bytes = dataset.train.inputs;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto const channel = i / pixels % channels;
      std::uint64_t const value = bytes[i];
      sums[channel] += value;
      squares[channel] += value * value;
    }
    auto const count = static_cast<double>(bytes.size() / channels);
    for (std::size_t c = 0; c < channels; ++c) {
      auto const mean = static_cast<double>(sums[c]) / count;
      auto const variance = static_cast<double>(squares[c]) / count - mean * mean;
      dataset.info.mean.push_back(mean / 255.0);
      dataset.info.std.push_back(variance > 0.0 ? std::sqrt(variance) / 255.0 : 1.0);
    }
  }

  fs::path path_;
  hdf5::File file_;
};

}  // namespace

bool is_own_file(DataConfig const& config) { return config.dataset.starts_with(kFilePrefix); }

DatasetEntry own_file(DataConfig const& config) {
  return {OwnFile(config).info(config),
          [](Dataset& dataset, DataConfig const& settings, std::uint64_t) {
            OwnFile(settings).load(dataset, settings);
          }};
}

}  // namespace fedstrata
