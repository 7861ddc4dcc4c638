#include "common/base/version.hpp"

namespace fedstrata {

std::string software_version() { return FEDSTRATA_VERSION; }
std::string build_description() { return FEDSTRATA_BUILD; }

}  // namespace fedstrata
