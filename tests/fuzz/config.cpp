// Config files. Input: a config, then after each zero byte one --set.
#include <algorithm>

#include "common/base/text.hpp"
#include "common/config/options.hpp"
#include "common/federation/schedule.hpp"
#include "common/model/layer_table.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace fedstrata;

LayerTable const& table() {
  static LayerTable const made = [] {
    LayerTable result;
    for (auto const* name : {"conv1", "conv2", "bn", "fc1", "fc2"})
      result.layers.push_back({name, LayerType::linear, {}, {}, 0});
    return result;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto parts = split(text, '\0');
  std::string const file(text.substr(0, text.find('\0')));
  if (!parts.empty()) parts.erase(parts.begin());
  fuzz::accepted([&] {
    auto const config = parse_config(file, "fuzz.ini", parts);
    auto const printed = to_text(config);
    std::string again;
    bool const read =
        fuzz::accepted([&] { again = to_text(parse_config(printed, "printed.ini")); });
    fuzz::promise(read && again == printed, "a printed config is read back:\n" + printed + again);
    AveragingSchedule const schedule(config, table());
    for (std::int64_t const round : {std::int64_t{1}, config.federation.rounds})
      fuzz::promise(schedule.due_layers(round).size() <= table().layers.size(),
                    "no more layers are due than there are");
  });
  return 0;
}
