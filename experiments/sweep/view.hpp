#pragma once
#include <filesystem>

#include "experiments/view/view.hpp"

namespace fedstrata {

/// A sweep as its files show it: how many cells stand where, and how far those that began are. What
/// waits in a queue is not in the files.
View look_at_sweep(std::filesystem::path const& path, Screen const& screen);

}  // namespace fedstrata
