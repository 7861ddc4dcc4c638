#pragma once
#include <string>

/// Messages on stderr, one line each, written whole. The only process-wide thing.
namespace fedstrata::log {

/// Text put before every message, e.g. "rank 3"; empty at first.
void set_prefix(std::string const& prefix);

void error(std::string const& message);
void warning(std::string const& message);

}  // namespace fedstrata::log
