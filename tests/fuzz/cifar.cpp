// CIFAR files. Input: flags, limit, whole records, odd bytes, what a file begins with.
#include "common/data/dataset.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace fedstrata;
  fuzz::Input input(data, size);
  auto const flags = input.byte();
  bool const hundred = (flags & 1) != 0;
  DataConfig config;
  config.dataset = hundred ? "cifar100" : "cifar10";
  config.dir = fuzz::directory();
  config.train_limit = input.byte() % 16;
  config.test_limit = input.byte() % 4;
  auto const records = input.byte() % 3u;
  auto const odd = (flags & 2) != 0 ? input.byte() : 0u;
  auto const start = input.rest();
  std::vector<std::uint8_t> bytes(start.begin(), start.end());
  if ((flags & 4) == 0) bytes.resize(records * (hundred ? 3074u : 3073u) + odd);
  for (auto const* name : {"data_batch_1.bin", "test_batch.bin", "train.bin", "test.bin"})
    fuzz::write_file(fuzz::directory() / name, bytes);
  for (auto const* name :
       {"data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}) {
    auto const link = fuzz::directory() / name;
    if (!std::filesystem::is_symlink(link)) std::filesystem::create_symlink("test.bin", link);
  }
  fuzz::accepted([&] {
    auto const dataset = load_dataset(config, 1);
    auto const& [info, train, test] = dataset;
    for (auto const* split : {&train, &test}) {
      fuzz::promise(!split->targets.empty() && split->inputs.size() == 3072 * split->targets.size(),
                    "as many images as labels");
      for (auto const label : split->targets)
        fuzz::promise(label < info.outputs, "labels are in range");
    }
    fuzz::promise(config.train_limit == 0 || info.train_count <= config.train_limit,
                  "the limit holds");
  });
  return 0;
}
