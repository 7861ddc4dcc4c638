#include "common/store/name_widths.hpp"

#include "common/base/error.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

void check_names(LayerTable const& table, std::string const& model) {
  auto const check = [&](char const* what, std::string const& name, std::size_t most) {
    require_input(name.size() <= most,
                  "model.name = " + model + ": the name of " + what + " '" + name + "' has " +
                      std::to_string(name.size()) + " characters, and the files of a run hold " +
                      std::to_string(most) + "; give the modules on its path shorter names");
  };
  for (auto const& layer : table.layers)
    check("layer", layer.name, LayerTableRecord{}.name.text.size());
  for (auto const* tensors : {&table.parameters, &table.buffers}) {
    for (auto const& tensor : *tensors)
      check("tensor", tensor.name, TensorRecord{}.name.text.size());
  }
}

}  // namespace fedstrata
