#include "common/data/dataset.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

enum class Format { idx, cifar, synthetic };

// What a data set is and where its files lie.
struct Source {
  DatasetInfo info;
  Format format = Format::synthetic;
  std::string package_dir;                           // empty: data.dir must be set
  std::string folder;                                // sub-folder of data.dir that is searched too
  std::vector<std::string> train_files, test_files;  // idx: images, then labels
  std::int64_t label_bytes = 1;                      // cifar: the last one counts
};

DatasetInfo info(std::string name, std::array<std::int64_t, 3> shape, std::int64_t classes,
                 std::vector<double> mean, std::vector<double> std) {
  return {.name = std::move(name),
          .channels = shape[0],
          .height = shape[1],
          .width = shape[2],
          .classes = classes,
          .mean = std::move(mean),
          .std = std::move(std)};
}

std::vector<Source> const& sources() {
  std::vector<std::string> const idx_train{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
  std::vector<std::string> const idx_test{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
  static std::vector<Source> const all{
      {info("cifar10", {3, 32, 32}, 10, {0.4914, 0.4822, 0.4465}, {0.2023, 0.1994, 0.2010}),
       Format::cifar,
       "",
       "cifar-10-batches-bin",
       {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
        "data_batch_5.bin"},
       {"test_batch.bin"}},
      {info("cifar100", {3, 32, 32}, 100, {0.507, 0.487, 0.441}, {0.267, 0.256, 0.276}),
       Format::cifar,
       "",
       "cifar-100-binary",
       {"train.bin"},
       {"test.bin"},
       2},
      {info("fashion-mnist", {1, 28, 28}, 10, {0.2860}, {0.3530}), Format::idx,
       "/usr/share/datasets/fashion-mnist", "FashionMNIST/raw", idx_train, idx_test},
      {info("mnist", {1, 28, 28}, 10, {0.1307}, {0.3081}), Format::idx, "", "MNIST/raw", idx_train,
       idx_test},
      {info("synthetic", {1, 28, 28}, 10, {}, {}), Format::synthetic, "", "", {}, {}}};
  return all;
}

Source const& find_source(std::string const& name) {
  auto const found = std::ranges::find(sources(), name, [](auto const& s) { return s.info.name; });
  require_input(
      found != sources().end(),
      "data.dataset = " + name + " is not known: choose one of " + join(dataset_names(), ", "));
  return *found;
}

// A file of bytes, gzipped or not: zlib tells by itself.
class ByteFile {
 public:
  explicit ByteFile(fs::path const& path)
      : path_(path.string()), file_(gzopen(path_.c_str(), "rb"), gzclose) {
    require_input(file_ != nullptr, path_ + " cannot be opened: check its permissions");
    gzbuffer(file_.get(), 1u << 17);
    size_ = fs::file_size(path);
    plain_ = gzdirect(file_.get()) != 0;
  }

  std::string const& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  // Checks before memory is taken that the file can hold `bytes` in all; a plain one exactly.
  void expect(std::uint64_t bytes) const {
    constexpr std::uint64_t kBestDeflateRatio = 1032;
    if (bytes > (plain_ ? size_ : size_ * kBestDeflateRatio)) fail_truncated();
    if (plain_ && bytes < size_) fail_longer();
  }

  void read(std::span<std::uint8_t> out) {
    constexpr std::size_t kMost = std::size_t{1} << 30;
    while (!out.empty()) {
      auto const wanted = static_cast<unsigned>(std::min(out.size(), kMost));
      int const got = gzread(file_.get(), out.data(), wanted);
      if (got < 0) fail_damaged();
      if (got == 0) fail_truncated();
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }

  // Reads on to the end, where zlib compares the checksum of a gzipped file.
  void expect_end() {
    std::uint8_t byte = 0;
    int const got = gzread(file_.get(), &byte, 1);
    if (got > 0) fail_longer();
    int status = Z_OK;
    gzerror(file_.get(), &status);
    if (status == Z_BUF_ERROR) fail_truncated();
    if (got < 0) fail_damaged();
  }

  [[noreturn]] void fail(std::string const& what) const { throw InputError(path_ + " " + what); }

 private:
  [[noreturn]] void fail_truncated() const { fail("is truncated: fetch it again"); }
  [[noreturn]] void fail_longer() const { fail("is longer than its header says: fetch it again"); }
  [[noreturn]] void fail_damaged() const {
    int status = Z_OK;
    fail("is damaged (" + std::string(gzerror(file_.get(), &status)) + "): fetch it again");
  }

  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  std::uint64_t size_ = 0;
  bool plain_ = true;
};

fs::path find_file(fs::path const& dir, Source const& source, std::string const& name) {
  std::vector<std::string> names{name};
  if (source.format == Format::idx) names.push_back(name + ".gz");
  for (auto const& folder : {dir, dir / source.folder})
    for (auto const& candidate : names)
      if (std::error_code ignored; fs::is_regular_file(folder / candidate, ignored))
        return folder / candidate;
  throw InputError("data.dir = " + dir.string() + " lacks a file of " + source.info.name +
                   ": looked for " + join(names, ", ") + " there and in its sub-folder " +
                   source.folder);
}

std::uint64_t kept(std::uint64_t count, std::int64_t limit) {
  return limit > 0 ? std::min(count, static_cast<std::uint64_t>(limit)) : count;
}

void check_labels(ByteFile const& file, std::span<std::uint8_t const> labels,
                  DatasetInfo const& known) {
  auto const bad = std::ranges::find_if(labels, [&](auto l) { return l >= known.classes; });
  if (bad != labels.end())
    file.fail("has label " + std::to_string(*bad) + " in record " +
              std::to_string(bad - labels.begin()) + ", but " + known.name + " has " +
              std::to_string(known.classes) + " classes: does data.dataset name this file's set?");
}

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

ImageSplit read_idx(fs::path const& image_path, fs::path const& label_path,
                    DatasetInfo const& known, std::int64_t limit) {
  ByteFile images(image_path), labels(label_path);
  auto const image_header = read_header(images, 4, 0x803);
  auto const label_header = read_header(labels, 2, 0x801);
  std::uint64_t const count = image_header[1];
  if (label_header[1] != count)
    labels.fail("holds " + std::to_string(label_header[1]) + " labels, but " + images.path() + " " +
                std::to_string(count) + " images: the two must belong together");
  if (image_header[2] != known.height || image_header[3] != known.width)
    images.fail("holds images of " + std::to_string(image_header[2]) + " x " +
                std::to_string(image_header[3]) + " pixels, but " + known.name + " has " +
                std::to_string(known.height) + " x " + std::to_string(known.width));
  if (count == 0) images.fail("holds no images");
  auto const image_bytes = static_cast<std::uint64_t>(known.height * known.width);
  images.expect(16 + count * image_bytes);
  labels.expect(8 + count);

  ImageSplit split;
  split.labels.resize(kept(count, limit));
  split.pixels.resize(split.labels.size() * image_bytes);
  images.read(split.pixels);
  labels.read(split.labels);
  if (split.labels.size() == count) {
    images.expect_end();
    labels.expect_end();
  }
  check_labels(labels, split.labels, known);
  return split;
}

// Appends up to `most` records (0 = all) of label bytes, then pixels.
void append_cifar(ImageSplit& split, fs::path const& path, Source const& source,
                  std::int64_t most) {
  ByteFile file(path);
  auto const& known = source.info;
  auto const label_bytes = static_cast<std::size_t>(source.label_bytes);
  auto const image_bytes = static_cast<std::size_t>(known.channels * known.height * known.width);
  auto const record = label_bytes + image_bytes;
  if (file.size() == 0 || file.size() % record != 0)
    file.fail("has " + std::to_string(file.size()) + " bytes, not a whole number of records of " +
              std::to_string(record) + ": fetch it again");
  auto const count = kept(file.size() / record, most);
  std::vector<std::uint8_t> bytes(count * record);
  file.read(bytes);
  auto const first = split.labels.size();
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    auto const pixels = std::span(bytes).subspan(at + label_bytes, image_bytes);
    split.labels.push_back(bytes[at + label_bytes - 1]);
    split.pixels.insert(split.pixels.end(), pixels.begin(), pixels.end());
  }
  check_labels(file, std::span(split.labels).subspan(first), known);
}

ImageSplit read_split(Source const& source, fs::path const& dir,
                      std::vector<std::string> const& files, std::int64_t limit) {
  if (source.format == Format::idx)
    return read_idx(find_file(dir, source, files[0]), find_file(dir, source, files[1]), source.info,
                    limit);
  ImageSplit split;
  for (auto const& name : files) {
    auto const present = static_cast<std::int64_t>(split.labels.size());
    if (limit > 0 && present >= limit) break;
    append_cifar(split, find_file(dir, source, name), source, limit > 0 ? limit - present : 0);
  }
  return split;
}

fs::path data_dir(Source const& source, std::string const& wanted) {
  auto const& name = source.info.name;
  require_input(!wanted.empty() || !source.package_dir.empty(),
                "data.dir is needed for data.dataset = " + name +
                    ": set it to the folder that holds " + join(source.train_files, ", ") + ", " +
                    join(source.test_files, ", "));
  fs::path const dir = wanted.empty() ? source.package_dir : wanted;
  require_input(
      fs::is_directory(dir),
      "data.dir = " + dir.string() + " is not a directory: " +
          (wanted.empty() ? "install Debian's package dataset-" + name + " or set data.dir"
                          : "set it to the folder that holds the files of " + name));
  return dir;
}

}  // namespace

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (auto const& source : sources()) names.push_back(source.info.name);
  return names;
}

DatasetInfo describe_dataset(std::string const& name) { return find_source(name).info; }

Dataset load_dataset(DataConfig const& config, std::uint64_t seed) {
  auto const& source = find_source(config.dataset);
  if (source.format == Format::synthetic) return make_synthetic(config, seed);
  auto const dir = data_dir(source, config.dir);
  Dataset dataset{.info = source.info,
                  .train = read_split(source, dir, source.train_files, config.train_limit),
                  .test = read_split(source, dir, source.test_files, config.test_limit)};
  dataset.info.train_count = static_cast<std::int64_t>(dataset.train.labels.size());
  dataset.info.test_count = static_cast<std::int64_t>(dataset.test.labels.size());
  return dataset;
}

DatasetView view(Dataset const& dataset) {
  return {.info = dataset.info,
          .train_pixels = dataset.train.pixels,
          .train_labels = dataset.train.labels,
          .test_pixels = dataset.test.pixels,
          .test_labels = dataset.test.labels};
}

std::string content_checksum(DatasetView const& view) {
  std::uint64_t sums[4];
  std::span<std::uint8_t const> const parts[] = {view.train_pixels, view.train_labels,
                                                 view.test_pixels, view.test_labels};
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    Checksum sum;
    sum.add(std::as_bytes(parts[i]));
    sums[i] = sum.value();
  }
  return checksum_of(std::as_bytes(std::span(sums))).checksum;
}

}  // namespace fedstrata
