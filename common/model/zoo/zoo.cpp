#include "common/model/zoo/zoo.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/model/script/script_model.hpp"

namespace fedstrata {

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (auto const& entry : kZoo) names.emplace_back(entry.name);
  return names;
}

Model make_model(ModelConfig const& config, InputShape const& input) {
  if (script_file(config)) return make_script_model(config, input);
  auto const entry =
      std::ranges::find_if(kZoo, [&](ZooEntry const& e) { return config.name == e.name; });
  if (entry != std::end(kZoo)) return entry->make(config, input);
  throw InputError("model.name = " + config.name + " is no model of this program; choose one of " +
                   join(model_names(), ", ") + ", or script:FILE.pt");
}

}  // namespace fedstrata
