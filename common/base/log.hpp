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

/// Calls work and returns its exit code; an exception's message is written as an error, unless
/// `speaks` returns false, and turned into 2 for InputError, 1 for any other, after `failed(code)`.
int report_errors(
    std::function<int()> const& work, std::function<bool()> const& speaks = [] { return true; },
    std::function<void(int)> const& failed = [](int) {});

}  // namespace fedstrata::log
