#pragma once
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fedstrata {

/// Starts a program, looked up in PATH, in a process group of its own: with no input, with stdout
/// and stderr in `output` (replaced), and with no signal blocked. When this process dies, it is
/// sent SIGUSR1, so that it stops in order. `output` stays locked until it, and what it started,
/// have ended: nothing is started, and nothing written, when another process has it locked. Throws
/// Error when there is no further process to be had; a program that cannot be started says so in
/// `output` and ends with code 127.
std::optional<pid_t> start_process(std::vector<std::string> const& arguments,
                                   std::filesystem::path const& output);

/// How a program ended.
struct ProcessResult {
  int code = 0;      ///< 128 + the signal for one that a signal ended
  std::string text;  ///< what it wrote to stdout and stderr
};

/// Runs a program to its end.
ProcessResult run_process(std::vector<std::string> const& arguments);

/// The code in a status of waitpid; 128 + the signal.
int exit_code(int status);

/// Is there a program of this name in PATH?
bool has_program(std::string const& name);

}  // namespace fedstrata
