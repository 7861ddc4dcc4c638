// IDX files. Input: flags, limit, number of label bytes, the label file, the image file.
#include "common/data/dataset.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace fedstrata;
  fuzz::Input input(data, size);
  auto const flags = input.byte();
  DataConfig config;
  config.dataset = "mnist";
  config.dir = fuzz::directory();
  config.train_limit = input.byte();
  auto const labels = input.bytes(input.byte());
  auto const images = input.rest();
  for (std::string const set : {"train-", "t10k-"})
    for (auto const& [name, bytes] :
         {std::pair{"images-idx3-ubyte", images}, {"labels-idx1-ubyte", labels}}) {
      std::filesystem::path const plain = fuzz::directory() / (set + name);
      std::filesystem::path const packed = plain.string() + ".gz";
      bool const compressed = (flags & 1) != 0;
      std::filesystem::remove(compressed ? plain : packed);
      fuzz::write_file(compressed ? packed : plain, bytes);
    }
  fuzz::accepted([&] {
    auto const dataset = load_dataset(config, 1);
    auto const& [info, train, test] = dataset;
    for (auto const* split : {&train, &test}) {
      fuzz::promise(!split->targets.empty() && split->inputs.size() == 784 * split->targets.size(),
                    "as many images as labels");
      for (auto const label : split->targets) fuzz::promise(label < 10, "labels are in range");
    }
    fuzz::promise(config.train_limit == 0 || info.train_count <= config.train_limit,
                  "the limit holds");
  });
  return 0;
}
