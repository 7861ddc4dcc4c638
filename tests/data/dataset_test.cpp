#include "common/data/dataset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "common/base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

fs::path const kFashion = "/usr/share/datasets/fashion-mnist";

Bytes read_bytes(fs::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(fs::path const& path, Bytes const& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<char const*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// Header words, big end first, then `bytes`.
Bytes idx(std::vector<std::uint32_t> const& header, Bytes const& bytes) {
  Bytes file;
  for (auto const word : header)
    for (int shift = 24; shift >= 0; shift -= 8)
      file.push_back(static_cast<std::uint8_t>(word >> shift & 0xff));
  file.insert(file.end(), bytes.begin(), bytes.end());
  return file;
}

Bytes const kLabels{0, 9, 4};
Bytes pixels(std::size_t images) {
  Bytes bytes(images * 784);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
  return bytes;
}

// A folder of its own for each test, with a small valid MNIST of 3 images in both splits.
class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() {
    for (auto const* split : {"train", "t10k"}) {
      put(std::string(split) + kImages, idx({0x803, 3, 28, 28}, pixels(3)));
      put(std::string(split) + kLabelsName, idx({0x801, 3}, kLabels));
    }
    config_.dataset = "mnist";
    config_.dir = dir_.string();
  }

  void put(fs::path const& name, Bytes const& bytes) { write_bytes(dir_ / name, bytes); }

  // The sentence with which loading fails; empty when it doesn't.
  std::string failure() const {
    try {
      load_dataset(config_, 1);
    } catch (InputError const& error) {
      return error.what();
    }
    return "";
  }

  static constexpr auto kImages = "-images-idx3-ubyte", kLabelsName = "-labels-idx1-ubyte";
  static inline std::string const kTrainImages = "train-images-idx3-ubyte";
  static inline std::string const kTrainLabels = "train-labels-idx1-ubyte";
  TemporaryDirectory directory_;
  fs::path const dir_ = directory_.path();
  DataConfig config_;
};

TEST_F(DatasetTest, names_are_listed_and_unknown_ones_refused) {
  EXPECT_THAT(dataset_names(), ElementsAre("cifar10", "cifar100", "fashion-mnist", "mnist",
                                           "synthetic", "synthetic-regression"));
  config_.dataset = "imagenet";
  EXPECT_THAT(failure(), AllOf(HasSubstr("data.dataset = imagenet"), HasSubstr("cifar100")));
}

DatasetInfo described(std::string const& name) {
  DataConfig config;
  config.dataset = name;
  return describe_dataset(config);
}

TEST_F(DatasetTest, description_needs_no_files) {
  auto const cifar = described("cifar10");
  EXPECT_THAT(cifar.shape, ElementsAre(3, 32, 32));
  EXPECT_EQ(cifar.outputs, 10);
  EXPECT_EQ(cifar.task, "classification");
  EXPECT_EQ(cifar.mean.size(), 3u);
  EXPECT_EQ(described("cifar100").classes(), 100);
  EXPECT_EQ(described("fashion-mnist").std, std::vector{0.3530});
}

TEST_F(DatasetTest, plain_idx_is_read_as_it_lies_in_the_file) {
  auto const data = load_dataset(config_, 1);
  EXPECT_EQ(data.train.inputs, pixels(3));
  EXPECT_EQ(data.test.targets, kLabels);
  EXPECT_EQ(data.info.train_count, 3);
  EXPECT_EQ(data.info.mean, std::vector{0.1307});
  EXPECT_EQ(view(data).train.targets.data(), data.train.targets.data());
}

TEST_F(DatasetTest, limits_keep_the_first_records) {
  config_.train_limit = 2;
  config_.test_limit = 100;
  auto const data = load_dataset(config_, 1);
  EXPECT_EQ(data.train.inputs, pixels(2));
  EXPECT_THAT(data.train.targets, ElementsAre(0, 9));
  EXPECT_EQ(data.info.train_count, 2);
  EXPECT_EQ(data.info.test_count, 3);
}

TEST_F(DatasetTest, torchvision_sub_folder_is_found) {
  for (auto const& entry : fs::directory_iterator(dir_)) {
    auto const name = entry.path().filename();
    write_bytes(dir_ / "root/MNIST/raw" / name, read_bytes(entry.path()));
  }
  config_.dir = (dir_ / "root").string();
  EXPECT_EQ(failure(), "");
}

TEST_F(DatasetTest, absent_directory_is_named) {
  config_.dir = (dir_ / "nowhere").string();
  EXPECT_THAT(failure(), AllOf(HasSubstr("data.dir"), HasSubstr("nowhere")));
}

TEST_F(DatasetTest, mnist_without_directory_says_what_to_set) {
  config_.dir.clear();
  EXPECT_THAT(failure(), AllOf(HasSubstr("data.dir is needed"), HasSubstr(kTrainImages)));
}

TEST_F(DatasetTest, absent_file_is_named_with_what_was_looked_for) {
  fs::remove(dir_ / kTrainLabels);
  EXPECT_THAT(failure(), AllOf(HasSubstr(dir_.string()), HasSubstr(kTrainLabels + ", "),
                               HasSubstr(kTrainLabels + ".gz")));
}

TEST_F(DatasetTest, truncated_file_is_named) {
  auto bytes = idx({0x803, 3, 28, 28}, pixels(3));
  bytes.pop_back();
  put(kTrainImages, bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages), HasSubstr("truncated")));
  config_.train_limit = 1;  // seen also where the missing part isn't needed
  EXPECT_THAT(failure(), HasSubstr("truncated"));
  bytes.resize(7);
  put(kTrainImages, bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages), HasSubstr("truncated")));
}

TEST_F(DatasetTest, longer_file_than_announced_is_named) {
  put(kTrainLabels, idx({0x801, 3}, {0, 1, 2, 3}));
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainLabels), HasSubstr("longer")));
}

TEST_F(DatasetTest, wrong_magic_is_named) {
  put(kTrainImages, idx({0x801, 3, 28, 28}, pixels(3)));
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages), HasSubstr("2049"), HasSubstr("2051")));
}

TEST_F(DatasetTest, differing_counts_are_named) {
  put(kTrainLabels, idx({0x801, 2}, {0, 1}));
  EXPECT_THAT(failure(), AllOf(HasSubstr("2 labels"), HasSubstr("3 images"),
                               HasSubstr(kTrainLabels), HasSubstr(kTrainImages)));
}

TEST_F(DatasetTest, wrong_image_size_is_named) {
  put(kTrainImages, idx({0x803, 3, 32, 32}, Bytes(3 * 1024)));
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages), HasSubstr("32 x 32")));
}

TEST_F(DatasetTest, no_images_are_refused) {
  put(kTrainImages, idx({0x803, 0, 28, 28}, {}));
  put(kTrainLabels, idx({0x801, 0}, {}));
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages), HasSubstr("no images")));
}

TEST_F(DatasetTest, enormous_count_is_refused_before_memory_is_taken) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  put(kTrainImages, idx({0x803, kMost, 28, 28}, pixels(3)));
  put(kTrainLabels, idx({0x801, kMost}, kLabels));
  EXPECT_THAT(failure(), HasSubstr("truncated"));
}

TEST_F(DatasetTest, label_out_of_range_is_named_with_its_record) {
  put(kTrainLabels, idx({0x801, 3}, {0, 1, 10}));
  EXPECT_THAT(failure(),
              AllOf(HasSubstr(kTrainLabels), HasSubstr("label 10"), HasSubstr("record 2")));
}

TEST_F(DatasetTest, cifar10_joins_its_batches_up_to_the_limit) {
  config_.dataset = "cifar10";
  for (std::uint8_t batch = 1; batch <= 5; ++batch) {
    Bytes bytes(2 * 3073, batch);
    put("cifar-10-batches-bin/data_batch_" + std::to_string(batch) + ".bin", bytes);
  }
  put("cifar-10-batches-bin/test_batch.bin", Bytes(3073, 7));
  auto data = load_dataset(config_, 1);
  EXPECT_THAT(data.train.targets, ElementsAre(1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
  EXPECT_EQ(data.train.inputs.size(), 10u * 3072u);
  EXPECT_EQ(data.train.inputs[3 * 3072], 2);
  config_.train_limit = 3;
  EXPECT_THAT(load_dataset(config_, 1).train.targets, ElementsAre(1, 1, 2));
  fs::remove(dir_ / "cifar-10-batches-bin/data_batch_1.bin");
  EXPECT_THAT(failure(), AllOf(HasSubstr("data_batch_1.bin"), HasSubstr("cifar-10-batches-bin")));
}

TEST_F(DatasetTest, cifar100_takes_the_fine_label) {
  config_.dataset = "cifar100";
  Bytes bytes(3074, 50);
  bytes[0] = 19;
  bytes[1] = 99;
  put("train.bin", bytes);
  put("test.bin", bytes);
  auto const data = load_dataset(config_, 1);
  EXPECT_THAT(data.train.targets, ElementsAre(99));
  EXPECT_EQ(data.train.inputs, Bytes(3072, 50));
  bytes[1] = 100;
  put("test.bin", bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr("test.bin"), HasSubstr("label 100")));
}

TEST_F(DatasetTest, incomplete_cifar_record_is_named) {
  config_.dataset = "cifar100";
  put("train.bin", Bytes(3073));
  EXPECT_THAT(failure(), AllOf(HasSubstr("train.bin"), HasSubstr("3074")));
}

TEST_F(DatasetTest, what_is_no_data_file_is_told_by_its_first_bytes) {
  auto const pickle = std::string(
      "\x80\2}q\1(U\xb"
      "batch_label",
      18);
  std::pair<std::string, char const*> const cases[] = {
      {"", "is empty"},
      {"\n<!DOCTYPE html><html>", "web page"},
      {"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"},
      {pickle, "python -m fedstrata data"},
      {"PK\3\4", "zip archive"},
      {"BZh9", "bunzip2"}};
  for (auto const& [text, says] : cases) {
    Bytes const bytes(text.begin(), text.end());
    config_.dataset = "mnist";
    put(kTrainImages, bytes);
    EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages + " "), HasSubstr(says)));
    config_.dataset = "cifar100";
    put("train.bin", bytes);
    EXPECT_THAT(failure(), AllOf(HasSubstr("train.bin "), HasSubstr(says)));
  }
}

void write_gzipped(fs::path const& path, Bytes const& bytes) {
  fs::create_directories(path.parent_path());
  auto* const file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

TEST_F(DatasetTest, names_as_other_tools_unpack_them) {
  auto const images = idx({0x803, 2, 28, 28}, pixels(2)), labels = idx({0x801, 2}, {1, 2});
  fs::remove(dir_ / kTrainImages);
  fs::remove(dir_ / kTrainLabels);
  put("train-images.idx3-ubyte", images);
  write_gzipped(dir_ / "train-labels.idx1-ubyte.gz", labels);
  EXPECT_THAT(load_dataset(config_, 1).train.targets, ElementsAre(1, 2));
  fs::remove(dir_ / "train-images.idx3-ubyte");
  put("train-images.idx3-ubyte/train-images.idx3-ubyte", images);
  EXPECT_EQ(load_dataset(config_, 1).train.inputs, pixels(2));
}

TEST_F(DatasetTest, gzipped_file_cut_off_after_its_header_is_truncated) {
  write_gzipped(dir_ / kTrainImages, {});
  auto bytes = read_bytes(dir_ / kTrainImages);
  bytes.resize(10);
  put(kTrainImages, bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr(kTrainImages), HasSubstr("truncated")));
}

TEST_F(DatasetTest, cifar_may_be_gzipped) {
  config_.dataset = "cifar100";
  Bytes const bytes(2 * 3074, 50);
  write_gzipped(dir_ / "train.bin.gz", bytes);
  write_gzipped(dir_ / "test.bin", bytes);  // told by its contents
  EXPECT_EQ(load_dataset(config_, 1).info.train_count, 2);
  config_.train_limit = 1;
  auto const data = load_dataset(config_, 1);
  EXPECT_EQ(data.train.inputs, Bytes(3072, 50));
  EXPECT_EQ(data.info.test_count, 2);
  write_gzipped(dir_ / "test.bin", Bytes(3075, 50));
  EXPECT_THAT(failure(), AllOf(HasSubstr("test.bin"), HasSubstr("3075 bytes")));
}

TEST_F(DatasetTest, folders_that_are_too_high_or_too_deep) {
  for (auto const& name : {kTrainImages, kTrainLabels})
    fs::rename(dir_ / name, dir_ / ("t" + name));  // so that only those below are found
  for (auto const* split : {"train", "t10k"})
    for (auto const* kind : {kImages, kLabelsName})
      put("sets/MNIST/raw/" + std::string(split) + kind,
          kind == kImages ? idx({0x803, 3, 28, 28}, pixels(3)) : idx({0x801, 3}, kLabels));
  for (auto const* name : {"sets", "sets/MNIST", "sets/MNIST/", "sets/MNIST/raw"}) {
    config_.dir = (dir_ / name).string();
    EXPECT_EQ(failure(), "") << name;
  }
  auto const raw = (dir_ / "sets/MNIST/raw").string();
  fs::create_directories(dir_ / "sets/MNIST/processed");
  config_.dir = (dir_ / "sets/MNIST/processed").string();
  EXPECT_THAT(failure(), HasSubstr("such files in " + raw + ": set data.dir"));
  config_.dir = dir_.string();
  EXPECT_THAT(failure(), HasSubstr("such files in " + raw + ": set data.dir"));
  config_.dir = raw + "/" + kTrainImages;
  EXPECT_THAT(failure(), AllOf(HasSubstr("is a file"), HasSubstr("the folder that holds")));
}

TEST_F(DatasetTest, pickles_and_archives_in_the_folder_are_named) {
  config_.dataset = "cifar10";
  put("cifar-10-binary.tar.gz", {});
  EXPECT_THAT(failure(), HasSubstr("cifar-10-binary.tar.gz there is an archive: unpack it"));
  config_.dir = (dir_ / "cifar-10-binary.tar.gz").string();
  EXPECT_THAT(failure(), AllOf(HasSubstr("is a file"), HasSubstr("unpack it")));
  put("cifar-10-batches-py/data_batch_1", {});
  auto const pickles = (dir_ / "cifar-10-batches-py").string();
  for (auto const& dir : {dir_.string(), pickles}) {
    config_.dir = dir;
    EXPECT_THAT(failure(), HasSubstr("python -m fedstrata data " + pickles));
  }
}

TEST_F(DatasetTest, fashion_mnist_is_complete) {
  if (!fs::exists(kFashion)) GTEST_SKIP() << "needs Debian's package dataset-fashion-mnist";
  auto const data = load_dataset(DataConfig{}, 1);
  EXPECT_EQ(data.info.train_count, 60000);
  EXPECT_EQ(data.info.test_count, 10000);
  for (std::uint8_t label = 0; label < 10; ++label)
    EXPECT_EQ(std::ranges::count(data.train.targets, label), 6000);
  double sum = 0.0;
  for (auto const byte : data.train.inputs) sum += byte;
  EXPECT_NEAR(sum / 255.0 / static_cast<double>(data.train.inputs.size()), data.info.mean[0], 1e-4);
}

TEST_F(DatasetTest, damaged_gzip_stream_is_named) {
  if (!fs::exists(kFashion)) GTEST_SKIP() << "needs Debian's package dataset-fashion-mnist";
  config_.dataset = "fashion-mnist";
  for (auto const& file : fs::directory_iterator(kFashion))
    put(file.path().filename(), read_bytes(file.path()));
  for (auto const* split : {"train", "t10k"})
    for (auto const* kind : {kImages, kLabelsName}) fs::remove(dir_ / (std::string(split) + kind));
  auto const name = kTrainLabels + ".gz";
  auto const whole = read_bytes(kFashion / name);

  auto bytes = whole;
  bytes.resize(whole.size() / 2);
  put(name, bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr(name), HasSubstr("truncated")));
  bytes = whole;
  bytes.resize(whole.size() - 4);  // the data are all there, the checksum isn't
  put(name, bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr(name), HasSubstr("truncated")));
  bytes = whole;
  bytes[whole.size() - 8] ^= 1;  // the checksum itself
  put(name, bytes);
  EXPECT_THAT(failure(), AllOf(HasSubstr(name), HasSubstr("damaged")));
  put(name, whole);
  EXPECT_EQ(failure(), "");
}

TEST_F(DatasetTest, real_mnist_and_cifar_files_are_read) {
  auto const* real = std::getenv("FEDSTRATA_TEST_DATA");
  if (real == nullptr) GTEST_SKIP() << "set FEDSTRATA_TEST_DATA to the folder of real data";
  for (auto const& file : fs::directory_iterator(dir_)) fs::remove(file.path());
  for (auto const* name : {"-images-idx3-ubyte.gz", "-labels-idx1-ubyte.gz"})
    for (auto const* split : {"train", "t10k"})
      put(std::string(split) + name,
          read_bytes(fs::path(real) / "mnist-10k" / ("t10k" + std::string(name))));
  auto const mnist = load_dataset(config_, 1);
  EXPECT_EQ(mnist.info.train_count, 10000);
  EXPECT_THAT(std::span(mnist.test.targets).first(5), ElementsAre(7, 2, 1, 0, 4));

  config_.dataset = "cifar10";
  config_.dir = (fs::path(real) / "cifar10-mini").string();
  auto const cifar = load_dataset(config_, 1);
  EXPECT_EQ(cifar.info.train_count, 5 * 1017);
  EXPECT_EQ(cifar.info.test_count, 1017);
  EXPECT_THAT(std::span(cifar.train.targets).first(4), ElementsAre(6, 9, 9, 4));
}

DataConfig synthetic() {
  DataConfig config;
  config.dataset = "synthetic";
  return config;
}

TEST(SyntheticTest, depends_on_the_seed_alone_and_limits_only_cut) {
  auto config = synthetic();
  auto const all = load_dataset(config, 5);
  EXPECT_EQ(all.info.train_count, 2000);
  EXPECT_EQ(all.info.test_count, 500);
  EXPECT_EQ(all.train.inputs, load_dataset(config, 5).train.inputs);
  EXPECT_NE(all.train.inputs, load_dataset(config, 6).train.inputs);
  config.train_limit = 10;
  config.test_limit = 100000;
  auto const part = load_dataset(config, 5);
  EXPECT_TRUE(std::ranges::equal(part.train.inputs, std::span(all.train.inputs).first(7840)));
  EXPECT_EQ(part.test.inputs, all.test.inputs);
}

// Nearest class mean, the plainest of classifiers, already tells most classes apart but not all.
TEST(SyntheticTest, is_learnable_but_not_trivial) {
  auto const data = load_dataset(synthetic(), 1);
  std::vector<std::array<double, 784>> means(10);
  std::array<double, 10> count{};
  for (std::size_t i = 0; i < 2000; ++i) {
    auto const label = data.train.targets[i];
    for (std::size_t j = 0; j < 784; ++j) means[label][j] += data.train.inputs[i * 784 + j];
    ++count[label];
  }
  for (std::size_t c = 0; c < 10; ++c) {
    EXPECT_GT(count[c], 100);
    for (auto& value : means[c]) value /= count[c];
  }
  int right = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    std::array<double, 10> distance{};
    for (std::size_t c = 0; c < 10; ++c)
      for (std::size_t j = 0; j < 784; ++j) {
        double const d = data.test.inputs[i * 784 + j] - means[c][j];
        distance[c] += d * d;
      }
    right += std::ranges::min_element(distance) - distance.begin() == data.test.targets[i];
  }
  EXPECT_GT(right, 200);
  EXPECT_LT(right, 480);
  RecordProperty("right", right);
}

std::span<float const> floats(Bytes const& bytes) {
  return {reinterpret_cast<float const*>(bytes.data()), bytes.size() / sizeof(float)};
}

TEST(SyntheticRegressionTest, depends_on_the_seed_alone_and_limits_only_cut) {
  DataConfig config;
  config.dataset = "synthetic-regression";
  auto const all = load_dataset(config, 5);
  EXPECT_EQ(all.info.task, "regression");
  EXPECT_EQ(all.info.train_count, 2000);
  EXPECT_EQ(all.info.test_count, 500);
  EXPECT_EQ(all.info.classes(), 0);
  EXPECT_EQ(floats(all.train.inputs).size(), 2000u * 16u);
  EXPECT_EQ(floats(all.train.targets).size(), 2000u * 2u);
  EXPECT_NE(all.train.targets, load_dataset(config, 6).train.targets);
  config.train_limit = 10;
  auto const part = load_dataset(config, 5);
  EXPECT_TRUE(
      std::ranges::equal(floats(part.train.inputs), floats(all.train.inputs).first(10u * 16u)));
  EXPECT_EQ(part.test.targets, all.test.targets);
}

TEST(SyntheticRegressionTest, targets_are_of_order_one_and_follow_the_features) {
  DataConfig config;
  config.dataset = "synthetic-regression";
  for (std::uint64_t seed : {1u, 2u, 3u}) {
    auto const data = load_dataset(config, seed);
    for (std::size_t target = 0; target < 2; ++target) {
      double sum = 0.0, squares = 0.0;
      for (std::size_t i = target; i < 4000; i += 2) {
        double const y = floats(data.train.targets)[i];
        sum += y / 2000;
        squares += y * y / 2000;
      }
      double const deviation = std::sqrt(squares - sum * sum);
      EXPECT_GT(deviation, 0.25) << seed;
      EXPECT_LT(deviation, 4.0) << seed;
    }
  }
}

}  // namespace
}  // namespace fedstrata
