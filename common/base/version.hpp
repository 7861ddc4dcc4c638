#pragma once
#include <string>

namespace fedstrata {

/// Version of this program, e.g. "0.1.0".
std::string software_version();
/// Compiler and build type, e.g. "GNU 12.2.0 Release".
std::string build_description();

}  // namespace fedstrata
