#include "common/base/error.hpp"
#include "common/data/forms/forms.hpp"
#include "common/data/forms/image_files.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

// Header of an IDX file: a magic number, then `words` - 1 sizes; all 32-bit, big end first.
std::vector<std::uint32_t> read_header(ByteFile& file, std::size_t words, std::uint32_t magic) {
  std::vector<std::uint8_t> bytes(4 * words);
  file.read(bytes);
  std::vector<std::uint32_t> header;
  for (std::size_t i = 0; i < bytes.size(); i += 4)
    header.push_back(std::uint32_t{bytes[i]} << 24 | std::uint32_t{bytes[i + 1]} << 16 |
                     std::uint32_t{bytes[i + 2]} << 8 | bytes[i + 3]);
  if (header[0] != magic)
    file.fail("has magic number " + std::to_string(header[0]) + " where IDX " +
              (words > 2 ? "images" : "labels") + " have " + std::to_string(magic) +
              ": is it the right file?");
  return header;
}

Split read_idx(fs::path const& image_path, fs::path const& label_path, DatasetInfo const& known,
               std::int64_t limit) {
  auto const height = known.shape[1], width = known.shape[2];
  ByteFile images(image_path), labels(label_path);
  auto const image_header = read_header(images, 4, 0x803);
  auto const label_header = read_header(labels, 2, 0x801);
  std::uint64_t const count = image_header[1];
  if (label_header[1] != count)
    labels.fail("holds " + std::to_string(label_header[1]) + " labels, but " + images.path() + " " +
                std::to_string(count) + " images: the two must belong together");
  if (image_header[2] != height || image_header[3] != width)
    images.fail("holds images of " + std::to_string(image_header[2]) + " x " +
                std::to_string(image_header[3]) + " pixels, but " + known.name + " has " +
                std::to_string(height) + " x " + std::to_string(width));
  if (count == 0) images.fail("holds no images");
  auto const image_bytes = static_cast<std::uint64_t>(height * width);
  images.expect(16 + count * image_bytes);
  labels.expect(8 + count);

  Split split;
  split.targets.resize(kept(count, limit));
  split.inputs.resize(split.targets.size() * image_bytes);
  images.read(split.inputs);
  labels.read(split.targets);
  if (split.targets.size() == count) {
    images.expect_end();
    labels.expect_end();
  }
  check_labels(labels, split.targets, known);
  return split;
}

DatasetEntry entry(std::string const& name, double mean, double deviation,
                   std::string const& package_dir, std::string const& folder) {
  ImageFiles const files{.info = image_info(name, {1, 28, 28}, 10, {mean}, {deviation}),
                         .package_dir = package_dir,
                         .folder = folder,
                         .train = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                         .test = {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                         .pickles = {}};
  return {files.info, [files](Dataset& dataset, DataConfig const& config, std::uint64_t) {
            auto const dir = files.directory(config.dir);
            auto const read = [&](std::vector<std::string> const& names, std::int64_t limit) {
              return read_idx(files.find(dir, names[0]), files.find(dir, names[1]), files.info,
                              limit);
            };
            dataset.train = read(files.train, config.train_limit);
            dataset.test = read(files.test, config.test_limit);
          }};
}

}  // namespace

/// Grey images in the form of MNIST's files, plain or gzipped.
std::vector<DatasetEntry> idx_files() {
  return {entry("fashion-mnist", 0.2860, 0.3530, "/usr/share/datasets/fashion-mnist",
                "FashionMNIST/raw"),
          entry("mnist", 0.1307, 0.3081, "", "MNIST/raw")};
}

}  // namespace fedstrata
