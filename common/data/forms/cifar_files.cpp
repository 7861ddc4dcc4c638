#include "common/base/error.hpp"
#include "common/data/forms/forms.hpp"
#include "common/data/forms/image_files.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

// Appends up to `most` records (0 = all) of label bytes, then pixels.
void append_cifar(Split& split, fs::path const& path, DatasetInfo const& known,
                  std::size_t label_bytes, std::int64_t most) {
  ByteFile file(path);
  auto const image_bytes = static_cast<std::size_t>(known.input_bytes());
  auto const record = label_bytes + image_bytes;
  auto const length = file.length();
  if (length % record != 0)
    file.fail("has " + std::to_string(length) + " bytes, not a whole number of records of " +
              std::to_string(record) + ": fetch it again");
  auto const count = kept(length / record, most);
  std::vector<std::uint8_t> bytes(count * record);
  file.read(bytes);
  auto const first = split.targets.size();
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    auto const pixels = std::span(bytes).subspan(at + label_bytes, image_bytes);
    split.targets.push_back(bytes[at + label_bytes - 1]);
    split.inputs.insert(split.inputs.end(), pixels.begin(), pixels.end());
  }
  check_labels(file, std::span(split.targets).subspan(first), known);
}

/// `label_bytes` of a record, of which the last counts.
DatasetEntry entry(ImageFiles const& files, std::size_t label_bytes) {
  return {files.info, [=](Dataset& dataset, DataConfig const& config, std::uint64_t) {
            auto const dir = files.directory(config.dir);
            auto const read = [&](std::vector<std::string> const& names, std::int64_t limit) {
              Split split;
              for (auto const& name : names) {
                auto const present = static_cast<std::int64_t>(split.targets.size());
                if (limit > 0 && present >= limit) break;
                append_cifar(split, files.find(dir, name), files.info, label_bytes,
                             limit > 0 ? limit - present : 0);
              }
              return split;
            };
            dataset.train = read(files.train, config.train_limit);
            dataset.test = read(files.test, config.test_limit);
          }};
}

}  // namespace

/// CIFAR's binary files, plain or gzipped.
std::vector<DatasetEntry> cifar_files() {
  ImageFiles const ten{.info = image_info("cifar10", {3, 32, 32}, 10, {0.4914, 0.4822, 0.4465},
                                          {0.2023, 0.1994, 0.2010}),
                       .package_dir = "",
                       .folder = "cifar-10-batches-bin",
                       .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                 "data_batch_4.bin", "data_batch_5.bin"},
                       .test = {"test_batch.bin"},
                       .pickles = {"cifar-10-batches-py", "data_batch_1"}};
  ImageFiles const hundred{.info = image_info("cifar100", {3, 32, 32}, 100, {0.507, 0.487, 0.441},
                                              {0.267, 0.256, 0.276}),
                           .package_dir = "",
                           .folder = "cifar-100-binary",
                           .train = {"train.bin"},
                           .test = {"test.bin"},
                           .pickles = {"cifar-100-python", "train"}};
  return {entry(ten, 1), entry(hundred, 2)};
}

}  // namespace fedstrata
