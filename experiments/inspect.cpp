#include "experiments/inspect.hpp"
namespace fedstrata {
int inspect(CommandLine const&) { return 0; }
}  // namespace fedstrata
