// Sweep files. Input: a sweep file; the base config is the default one.
#include "experiments/sweep/cells.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace fedstrata;
  std::string const text(reinterpret_cast<char const*>(data), size);
  fuzz::accepted([&] {
    auto const sweep = parse_sweep(text, "fuzz.ini");
    std::size_t product = 1;
    for (auto const& axis : sweep.axes)
      product = std::min<std::size_t>(1000, product * axis.values.size());
    if (product >= 1000) return;  // many cells only cost time
    auto const cells = sweep_cells(sweep, "[data]\ndataset = synthetic\n");
    fuzz::promise(!cells.empty(), "a sweep has cells");
    for (auto const& cell : cells)
      fuzz::promise(cell.hash.size() == 10 && cell.name.ends_with(cell.hash) &&
                        cell.name.find('/') == std::string::npos,
                    "a cell's name is that of a file and ends with its hash: " + cell.name);
  });
  return 0;
}
