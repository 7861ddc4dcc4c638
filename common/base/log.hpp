#pragma once
#include <functional>
#include <string>

/// Messages on stderr, one line each, written whole. The only process-wide thing.
namespace fedstrata::log {

/// Text put before errors, e.g. "rank 3"; empty at first. InputErrors and warnings go without.
void set_prefix(std::string const& prefix);

/// From here on a crash (SIGSEGV and its kin) ends the process with exit code 1 and one line that
/// has the prefix; where core files are allowed, with the signal itself. Process-wide.
void watch_crashes();

void error(std::string const& message);
void warning(std::string const& message);

/// Returns the exit code of `work`. When that throws, the message is written as an error if
/// `reports()`, and after `failed(code)` the code is returned: 2 for InputError, 1 for any other.
int report_errors(
    std::function<int()> const& work, std::function<bool()> const& reports = [] { return true; },
    std::function<void(int)> const& failed = [](int) {});

}  // namespace fedstrata::log
