#pragma once
#include <string>

#include "common/model/layer_table.hpp"

namespace fedstrata {

/// Throws InputError where a layer or a tensor of `model` has a longer name than the tables of a
/// run hold.
void check_names(LayerTable const& table, std::string const& model);

}  // namespace fedstrata
